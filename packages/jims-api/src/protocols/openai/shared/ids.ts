// Ids as OpenAI's clients see them: a prefix, and a UUID without hyphens.
import { canonicalUuid, hexOf, timeInUuidV7 } from '../../../http/fastapi/uuid.ts';

export function openAiId(prefix: string, uuid: string): string {
  return `${prefix}_${hexOf(uuid)}`;
}

/** The UUID of an id with this prefix; `undefined` for any other string. */
function uuidOfId(prefix: string, id: string): string | undefined {
  const digits = id.startsWith(`${prefix}_`) ? id.slice(prefix.length + 1) : '';
  return /^[0-9a-f]{32}$/.test(digits) ? canonicalUuid(digits) : undefined;
}

/** When a UUID of version 7 was made, as a run's is: seconds since 1970. */
export function secondsOf(uuidV7: string): number {
  return Math.floor(timeInUuidV7(uuidV7) / 1000);
}

const HEX_LENGTH = 32;

export const responseId = (runId: string): string => openAiId('resp', runId);

export const conversationId = (threadId: string): string => openAiId('conv', threadId);

/** The run of a response; `undefined` for an id that no response has. */
export const runIdOf = (id: string): string | undefined => uuidOfId('resp', id);

/** The thread of a conversation; `undefined` for an id that no conversation has. */
export const threadIdOf = (id: string): string | undefined => uuidOfId('conv', id);

/**
 * The id of a message. It also holds the id of the run that sent the message, and so leads to its thread:
 * the AI SDK sends nothing else of the history. A question has the id of its run.
 */
export function messageId(eventId: string, runId: string | undefined): string {
  return runId === undefined || runId === eventId
    ? openAiId('msg', eventId)
    : openAiId('msg', runId) + hexOf(eventId);
}

/** The run that sent a message, or that the message started; `undefined` for an id that no message has. */
export function runOfMessage(id: string): string | undefined {
  return uuidOfId('msg', id.slice(0, 'msg_'.length + HEX_LENGTH));
}

/** The event that a message is, without hyphens. */
export function eventHexOf(id: string): string {
  return id.slice(-HEX_LENGTH);
}
