import type { JsonObject } from '../thread/event.ts';
import type { MessageFile, MessageSource } from '../thread/message.ts';

/** A whole message: what its event has, and the tools that were called for it. */
export interface MessageBody {
  readonly text: string;
  readonly sources: readonly MessageSource[];
  readonly files: readonly MessageFile[];
  /** Empty when it is not kept. */
  readonly reasoning: string;
  /** Events that come before the message, so that models know of its tools: `context.*`. */
  readonly context: readonly ContextEvent[];
}

export interface ContextEvent {
  readonly type: string;
  readonly data: JsonObject;
}

/** A message that is only text. */
export function plainBody(text: string): MessageBody {
  return { text, sources: [], files: [], reasoning: '', context: [] };
}

/** The data of a message's event: beside the text only what there is. */
export function dataOf({ text, files, sources, reasoning }: MessageBody): JsonObject {
  return {
    role: 'assistant',
    content: text,
    ...(files.length > 0 && { files }),
    ...(sources.length > 0 && { sources }),
    ...(reasoning !== '' && { reasoning }),
  };
}
