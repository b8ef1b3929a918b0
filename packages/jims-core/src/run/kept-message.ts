import type { MessageBody } from '../pipeline/message-body.ts';
import { plainBody } from '../pipeline/message-body.ts';

/**
 * A streamed message as a journal keeps it. What most messages do not have is left out: so it is what earlier
 * versions wrote, and they read the text of what this one writes.
 */
export type KeptMessage = readonly [
  text: string,
  finishReason?: string | null,
  more?: Partial<Omit<MessageBody, 'text'>>,
];

export function keptMessage(body: MessageBody, finishReason: string | undefined): KeptMessage {
  const more = moreOf(body);
  if (Object.keys(more).length > 0) return [body.text, finishReason ?? null, more];
  return finishReason === undefined ? [body.text] : [body.text, finishReason];
}

export function messageFrom([text, , more]: KeptMessage): MessageBody {
  return { ...plainBody(text), ...more };
}

function moreOf({ sources, files, reasoning, context }: MessageBody): NonNullable<KeptMessage[2]> {
  return {
    ...(sources.length > 0 && { sources }),
    ...(files.length > 0 && { files }),
    ...(reasoning !== '' && { reasoning }),
    ...(context.length > 0 && { context }),
  };
}
