// A dialogue with memory: what is kept between messages is a state, checked by a schema.
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

const SIZES = ['small', 'large'] as const;
const TOPPINGS = ['mushrooms', 'olives', 'ham'] as const;

const Order = v.variant('step', [
  v.object({ step: v.literal('size') }),
  v.object({ step: v.literal('topping'), size: v.picklist(SIZES) }),
  v.object({ step: v.literal('done'), size: v.picklist(SIZES), topping: v.picklist(TOPPINGS) }),
]);
type Order = v.InferOutput<typeof Order>;

function ask(ctx: ThreadContext, question: string, answers: readonly string[]): void {
  const buttons = answers.map((text) => ({ text, id: text }));
  ctx.sendMessageWithButtons(question, buttons);
}

async function takeOrder(ctx: ThreadContext): Promise<void> {
  const order: Order = ctx.getState('order', Order) ?? { step: 'size' };
  const answer = ctx.lastUserMessage?.trim().toLowerCase();

  if (order.step === 'size') {
    const size = SIZES.find((each) => each === answer);
    if (!size) return ask(ctx, 'What size shall your pizza be?', SIZES);
    ctx.setState('order', { step: 'topping', size } satisfies Order);
    return ask(ctx, `A ${size} one. What shall be on it?`, TOPPINGS);
  }

  if (order.step === 'topping') {
    const topping = TOPPINGS.find((each) => each === answer);
    if (!topping) return ask(ctx, `I do not have ${answer}. What about one of these?`, TOPPINGS);
    ctx.updateAgentStatus({ message: 'Asking the kitchen…', statusType: 'kitchen' });
    await sleep(300, undefined, { signal: ctx.signal });
    ctx.setState('order', { step: 'done', size: order.size, topping } satisfies Order);
    ctx.sendEvent('kitchen.order_placed', { size: order.size, topping });
    return ctx.sendMessage(`Your ${order.size} pizza with ${topping} is in the oven.`);
  }

  ctx.setState('order', { step: 'size' } satisfies Order);
  ask(ctx, `Another one after the ${order.size} one with ${order.topping}? What size?`, SIZES);
}

export const app = defineApp({
  pipeline: takeOrder,
  conversationStartPipeline(ctx) {
    ctx.sendMessage('Welcome to the pizzeria!');
  },
});
