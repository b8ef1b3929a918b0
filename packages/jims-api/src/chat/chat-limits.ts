// How much of a chat a client may send with one message: more than any chat of people has.

/** Messages of a history, the new one included. */
export const MAX_MESSAGES = 6000;
/** Parts of one message. */
export const MAX_PARTS = 1000;
/** Characters of a name that a client has for something: a model, a response, an item. */
export const MAX_NAME = 512;
