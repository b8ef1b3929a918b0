// A dialogue as straight code: each question ends a run, and its answer goes on below it, in whatever
// process there is then. No state says where the dialogue is.
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { StepScope, ThreadContext } from 'jims-core';
import * as v from 'valibot';

const SIZES = ['small', 'large'] as const;
const TOPPINGS = ['mushrooms', 'olives', 'ham'] as const;
const AN_HOUR_MS = 3_600_000;
const BAKING_MINUTES = { small: 10, large: 15 };

const Order = v.object({ size: v.picklist(SIZES), topping: v.picklist(TOPPINGS) });
type Order = v.InferOutput<typeof Order>;

async function takeOrder(ctx: ThreadContext): Promise<void> {
  // State is for what outlives the dialogue.
  const last = ctx.getState('order', Order);
  const hello = last
    ? `Another one after the ${last.size} one with ${last.topping}? What size?`
    : 'What size shall your pizza be?';
  const size = await choose(ctx, hello, SIZES);
  const topping = size && (await choose(ctx, `A ${size} one. What shall be on it?`, TOPPINGS));
  if (!topping) return ctx.sendMessage('You took an hour: say hello to begin anew.');

  const order = { size, topping };
  const { minutes } = await ctx.step('order', (step) => bake(order, step), {
    title: 'Asking the kitchen',
  });
  ctx.setState('order', order);
  ctx.sendEvent('kitchen.order_placed', order);
  ctx.sendMessage(`Your ${size} pizza with ${topping} is ready in ${minutes} minutes.`);
}

/** Asks until the answer is one of the choices; `undefined` when there is no answer within an hour. */
async function choose<Choice extends string>(
  ctx: ThreadContext,
  question: string,
  choices: readonly Choice[],
): Promise<Choice | undefined> {
  const buttons = choices.map((choice) => ({ id: choice, text: choice }));
  for (let text = question; ;) {
    const answer = await ctx.ask(text, { buttons, expiresInMs: AN_HOUR_MS });
    if (answer.kind !== 'message') return undefined;
    const said = answer.text.trim().toLowerCase();
    const choice = choices.find((each) => each === said);
    if (choice) return choice;
    text = `I do not have ${said}. What about one of these?`;
  }
}

/** A real kitchen is asked over the network. */
async function bake({ size }: Order, step: StepScope): Promise<{ minutes: number }> {
  step.status('Asking the kitchen…');
  await sleep(300, undefined, { signal: step.signal });
  return { minutes: BAKING_MINUTES[size] };
}

export const app = defineApp({
  durable: true,
  pipeline: takeOrder,
  conversationStartPipeline(ctx) {
    ctx.sendMessage('Welcome to the pizzeria!');
  },
});
