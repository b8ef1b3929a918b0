// How much a client may send with one message. The counts are above those of any real chat.
import { HttpError } from '../http/errors.ts';

/** Messages of a history, the new one included. */
export const MAX_MESSAGES = 6000;
/** Parts of one message. */
export const MAX_PARTS = 1000;
/** Characters of a name that a client has for something: a model, a response, an item. */
export const MAX_NAME = 512;

/** Limits of an API, in bytes; the body as a whole may be larger, as it may hold a long history. */
export interface SentLimits {
  /** Of one message, as UTF-8. */
  readonly maxMessageBytes: number;
  /** Of a thread's config or of metadata, as JSON. */
  readonly maxConfigBytes: number;
}

/** The most bytes of UTF-8 that one UTF-16 unit takes. */
const BYTES_PER_UNIT = 3;

/** @throws HttpError 413 `message_too_large` when a new message is too long. */
export function requireMessageSize(
  { maxMessageBytes }: Pick<SentLimits, 'maxMessageBytes'>,
  message: string,
): void {
  if (message.length * BYTES_PER_UNIT <= maxMessageBytes) return;
  if (Buffer.byteLength(message) <= maxMessageBytes) return;
  throw new HttpError(413, `The message is larger than ${maxMessageBytes} bytes`, {
    code: 'message_too_large',
  });
}

/** @throws HttpError 413 `config_too_large` when a config or metadata are too large. */
export function requireConfigSize(
  { maxConfigBytes }: Pick<SentLimits, 'maxConfigBytes'>,
  config: object,
): void {
  if (Buffer.byteLength(JSON.stringify(config)) <= maxConfigBytes) return;
  throw new HttpError(413, `The config or metadata is larger than ${maxConfigBytes} bytes`, {
    code: 'config_too_large',
  });
}
