// A refund: the customer says yes, above a limit a colleague does, and the money is paid back once. Kill the
// process wherever you like: the next one goes on.
import { defineApp } from 'jims-core';
import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { findOrder, refund } from './payments.ts';
import type { Order } from './payments.ts';

const LIMIT_EUR = 100;
const A_DAY_MS = 86_400_000;

const Decision = v.object({ approved: v.boolean(), note: v.optional(v.string()) });

const YES_NO = [
  { id: 'yes', text: 'Yes, please' },
  { id: 'no', text: 'No' },
];

async function handleRefund(ctx: ThreadContext): Promise<void> {
  const [orderId] = /\d+/.exec(ctx.lastUserMessage ?? '') ?? [];
  if (!orderId) return ctx.sendMessage('Which order is it? Write its number: 1042 or 1043.');

  // What a step came to is stored: it is not done again when the pipeline goes on in another process.
  const order = await ctx.step('find order', () => findOrder(orderId), {
    title: 'Looking for the order',
  });
  if (!order) return ctx.sendMessage(`I do not know an order ${orderId}.`);

  // A question ends the run. Its answer, in a minute or in a month, goes on below it.
  const reply = await ctx.ask(`${order.item}, €${order.eur}. Shall I refund it?`, {
    buttons: YES_NO,
    buttonsOnly: true,
    expiresInMs: A_DAY_MS,
  });
  if (reply.kind !== 'message' || reply.buttonId !== 'yes') {
    return ctx.sendMessage('Nothing was refunded.');
  }
  if (order.eur > LIMIT_EUR && !(await isApproved(ctx, order))) return;

  // The work of a step may be done twice, when the process dies in it; with its key it is one refund.
  const { refundId } = await ctx.step(
    'refund',
    ({ idempotencyKey }) => refund(order, idempotencyKey),
    { title: 'Paying the money back', retry: { times: 4, minDelayMs: 500 } },
  );
  ctx.sendMessage(`€${order.eur} are on their way back to you: refund ${refundId}.`);
}

/** A question to a colleague: `GET /api/v1/questions?audience=service&state=open` has it until it is answered. */
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
  const note = decision.kind === 'value' ? decision.value.note : 'There was no time to look at it.';
  ctx.sendMessage(`I am sorry, there is no refund. ${note ?? ''}`.trim());
  return false;
}

export const app = defineApp({ name: 'my-bot', durable: true, pipeline: handleRefund });
