import { newEvent } from 'jims-core';
import type { MessagePart, ThreadContext } from 'jims-core';

export const HOURS = {
  url: 'https://example.com/hours?day=monday&x=1',
  title: 'Opening hours',
  excerpt: 'Monday: 9 to 17',
};

export const PLAN = {
  file_id: '0190d3a0-abcd-7222-8333-444444444446',
  name: 'plan.png',
  media_type: 'image/png',
  size: 68,
};

export const REASONING = 'They want hours.';
export const TOOL_TITLE = 'Looking up the hours';
export const TEXT = 'We are open from 9 to 17.';

/**
 * An answer with all that one may have, live, and a second one that is a file and no text; on `keep` the
 * reasoning is kept.
 */
export async function sayInParts(ctx: ThreadContext): Promise<void> {
  await ctx.sendMessage(parts(), { keepReasoning: ctx.lastUserMessage === 'keep' });
  const { type, data } = newEvent('comm.assistant_message', {
    role: 'assistant',
    content: '',
    files: [PLAN],
  });
  ctx.sendEvent(type, data);
}

async function* parts(): AsyncGenerator<MessagePart | string> {
  yield { type: 'reasoning', text: 'They want ' };
  yield { type: 'reasoning', text: 'hours.' };
  yield { type: 'tool-call', id: 'call-1', name: 'secret_name', input: {}, title: TOOL_TITLE };
  yield { type: 'tool-result', id: 'call-1', output: 'a secret' };
  yield 'We are open ';
  yield { type: 'source', ...HOURS };
  yield 'from 9 to 17.';
}
