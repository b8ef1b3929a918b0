// A guide through a town: statuses while it thinks, an answer word by word, buttons to go on. What a
// language model would write is written here, so that the pages beside this folder need none.
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { ThreadContext } from 'jims-core';

const WORD_MS = 30;

const SIGHTS = [
  {
    id: 'harbour',
    text: 'The old harbour',
    about:
      'The old harbour wakes up before the town does. By six the boats are back, and until eight you can buy plaice straight from the deck. Walk out to the end of the mole: the lamp there was lit with whale oil until 1887, and the keeper still writes the weather on a slate for anybody who asks.',
  },
  {
    id: 'market',
    text: 'The market hall',
    about:
      'The market hall is loudest on Saturdays. Go past the flowers to the third row, where an old couple sells one cheese, and only that one, since 1974. Upstairs is the quietest coffee in town: from the window you see all the stalls, and nobody sees you.',
  },
  {
    id: 'tower',
    text: 'The water tower',
    about:
      'The water tower has 212 steps and no lift, and that keeps it empty. At the top you see the river twice, as it turns around the town. Take the last hour before closing: then the brickworks on the other bank turn red, and the bells of three churches disagree about the time.',
  },
] as const;

const BUTTONS = SIGHTS.map(({ id, text }) => ({ id, text }));

async function guide(ctx: ThreadContext): Promise<void> {
  const sight = sightIn(ctx.lastUserMessage ?? '');
  if (!sight) return ctx.sendMessageWithButtons('Hello! Where shall we go?', BUTTONS);
  ctx.updateAgentStatus({ message: `Walking to ${sight.text.toLowerCase()}…`, statusType: 'walk' });
  await sleep(600, undefined, { signal: ctx.signal });
  await ctx.sendMessage(spoken(sight.about, ctx.signal));
  const others = BUTTONS.filter(({ id }) => id !== sight.id);
  ctx.sendMessageWithButtons('Where next?', others);
}

/** A click has the id of its button, a message its own words. */
function sightIn(said: string): (typeof SIGHTS)[number] | undefined {
  return SIGHTS.find(({ id }) => said.toLowerCase().includes(id));
}

async function* spoken(text: string, signal: AbortSignal): AsyncGenerator<string> {
  for (const word of text.split(/(?<= )/)) {
    yield word;
    await sleep(WORD_MS, undefined, { signal });
  }
}

export const app = defineApp(guide);
