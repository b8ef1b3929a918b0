// A refund: the customer says yes, above a limit an operator does, and the money is paid back once. Kill
// the process wherever you like: the next one goes on.
import { defineApp, isStepFailed } from 'jims-core';
import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { findOrder, findRefunds, refund } from './payments-client.ts';
import type { Order } from './payments-client.ts';

const LIMIT_EUR = 100;
const A_DAY_MS = 86_400_000;
const RETRY = { times: 4, minDelayMs: 500 };

const Decision = v.object({ approved: v.boolean(), note: v.optional(v.string()) });

const YES_NO = [
  { id: 'yes', text: 'Yes, please' },
  { id: 'no', text: 'No' },
];

async function handleRefund(ctx: ThreadContext): Promise<void> {
  const [orderId] = /\d+/.exec(ctx.lastUserMessage ?? '') ?? [];
  if (!orderId) return ctx.sendMessage('Which order is it? Write its number: 1042 or 1043.');

  const order = await ctx.step('find order', ({ signal }) => findOrder(orderId, signal), {
    title: 'Looking for the order',
    retry: RETRY,
  });
  if (!order) return ctx.sendMessage(`I do not know an order ${orderId}.`);
  const [earlier] = await ctx.step('find refunds', ({ signal }) => findRefunds(orderId, signal), {
    title: 'Looking for refunds',
    retry: RETRY,
  });
  if (earlier) return ctx.sendMessage(`${order.item}: refunded already, as ${earlier.refundId}.`);

  const reply = await ctx.ask(`${order.item}, €${order.eur}. Shall I refund it?`, {
    buttons: YES_NO,
    buttonsOnly: true,
    expiresInMs: A_DAY_MS,
  });
  if (reply.kind !== 'message' || reply.buttonId !== 'yes') {
    return ctx.sendMessage('Nothing was refunded.');
  }
  if (order.eur > LIMIT_EUR && !(await isApproved(ctx, order))) return;
  await payBack(ctx, order);
}

async function isApproved(ctx: ThreadContext, order: Order): Promise<boolean> {
  ctx.sendMessage('A colleague looks at it. You may close this page: the answer will be here.');
  const decision = await ctx.ask({
    to: 'service',
    name: 'approve refund',
    data: { ...order },
    schema: Decision,
    expiresInMs: 7 * A_DAY_MS,
  });
  if (decision.kind === 'value' && decision.value.approved) return true;
  const note =
    decision.kind === 'value' ? decision.value.note : 'Nobody had the time to look at it.';
  ctx.sendMessage(`I am sorry, there is no refund. ${note ?? ''}`.trim());
  return false;
}

/** The work of the step may be done twice, when the process dies in it; with its key it is one refund. */
async function payBack(ctx: ThreadContext, order: Order): Promise<void> {
  try {
    const made = await ctx.step(
      'refund',
      ({ idempotencyKey, signal }) => refund(order, { idempotencyKey, signal }),
      { title: 'Paying the money back', retry: RETRY },
    );
    if (!made) return ctx.sendMessage(`${order.item}: refunded already.`);
    ctx.sendMessage(`€${order.eur} are on their way back to you: refund ${made.refundId}.`);
  } catch (error) {
    if (!isStepFailed(error)) throw error;
    ctx.sendMessage('The payment service does not answer. Please ask again later.');
  }
}

export const app = defineApp({ name: 'Refunds', durable: true, pipeline: handleRefund });
