// A guide through a town: a status while it thinks, an answer word by word, buttons to go on. What a language
// model would write is written here, so that the page needs no key: `ctx.sendMessage(ctx.llm.stream(…))`.
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { ThreadContext } from 'jims-core';

const WORD_MS = 30;

const SIGHTS = [
  {
    id: 'harbour',
    text: 'The old harbour',
    about:
      'The old harbour wakes up before the town does. By six the boats are back, and until eight you can buy plaice straight from the deck.',
  },
  {
    id: 'market',
    text: 'The market hall',
    about:
      'The market hall is loudest on Saturdays. Upstairs is the quietest coffee in town: from its window you see all the stalls.',
  },
  {
    id: 'tower',
    text: 'The water tower',
    about:
      'The water tower has 212 steps and no lift, and that keeps it empty. Take the last hour before closing: then the other bank turns red.',
  },
] as const;

async function guide(ctx: ThreadContext): Promise<void> {
  // A click has the id of its button, a message its own words.
  const said = (ctx.lastUserMessage ?? '').toLowerCase();
  const sight = SIGHTS.find(({ id }) => said.includes(id));
  if (!sight) return offer(ctx, 'Where shall we go?');
  ctx.updateAgentStatus(`Walking to ${sight.text.toLowerCase()}…`);
  await sleep(600, undefined, { signal: ctx.signal });
  await ctx.sendMessage(spoken(sight.about, ctx.signal));
  offer(ctx, 'Where next?', sight.id);
}

function offer(ctx: ThreadContext, question: string, without?: string): void {
  const buttons = SIGHTS.filter(({ id }) => id !== without).map(({ id, text }) => ({ id, text }));
  ctx.sendMessageWithButtons(question, buttons);
}

async function* spoken(text: string, signal: AbortSignal): AsyncGenerator<string> {
  for (const word of text.split(/(?<= )/)) {
    yield word;
    await sleep(WORD_MS, undefined, { signal });
  }
}

export const app = defineApp({ name: 'my-bot', pipeline: guide });
