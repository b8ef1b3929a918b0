import type { ThreadContext } from 'jims-core';

/** The buttons of the question of {@link askingPipeline}. */
export const BUTTONS = [
  { id: 'yes', text: 'Yes, please' },
  { id: 'no', text: 'No' },
];

/**
 * Works in three steps, of which people may see the title of two, asks, and says what was answered. What
 * must not be seen has `secret` in it.
 */
export async function askingPipeline(ctx: ThreadContext): Promise<void> {
  const options = { title: 'Looking up the order', input: { key: 'secret input' } };
  await ctx.step('secret lookup', () => 'secret output', options);
  await ctx.step('secret audit', () => 'secret output');
  const charge = ctx.step('secret charge', failing, { title: 'Trying the card' });
  await charge.catch(() => {});
  const answer = await ctx.ask('Refund it?', { buttons: BUTTONS });
  if (answer.kind !== 'message') return ctx.sendMessage(`No way: ${answer.kind}`);
  const { eventType, buttonId = 'none', text } = answer;
  ctx.sendMessage(`${eventType} ${buttonId}: ${text}`);
}

function failing(): never {
  throw new Error('secret reason');
}
