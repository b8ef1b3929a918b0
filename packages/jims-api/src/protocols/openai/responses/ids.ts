import { hexOf } from '../../../http/fastapi/uuid.ts';
import { openAiId, uuidOfId } from '../shared/ids.ts';

const HEX_LENGTH = 32;

export const responseId = (runId: string): string => openAiId('resp', runId);

export const conversationId = (threadId: string): string => openAiId('conv', threadId);

/** The run of a response; `undefined` for an id that none has. */
export const runIdOf = (id: string): string | undefined => uuidOfId('resp', id);

/** The thread of a conversation; `undefined` for an id that none has. */
export const threadIdOf = (id: string): string | undefined => uuidOfId('conv', id);

/**
 * The id of a message. With the run that said it in front, a message by itself leads to its thread:
 * the AI SDK sends nothing else of what was said before. A question has the id of its run.
 */
export function messageId(eventId: string, runId: string | undefined): string {
  return runId === undefined || runId === eventId
    ? openAiId('msg', eventId)
    : openAiId('msg', runId) + hexOf(eventId);
}

/** The run that said a message, or that it asked for; `undefined` for an id that none has. */
export function runOfMessage(id: string): string | undefined {
  return uuidOfId('msg', id.slice(0, 'msg_'.length + HEX_LENGTH));
}

/** The event that a message is, without hyphens. */
export function eventHexOf(id: string): string {
  return id.slice(-HEX_LENGTH);
}
