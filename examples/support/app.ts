// The support of a shop for tents: it greets, answers from the shop's pages and says from which, looks up
// orders, pays money back when the customer says yes, and lets a colleague answer. MODEL says which model it
// is, as in ../llm-chat.
import { defineApp } from 'jims-core';
import type { ThreadContext } from 'jims-core';
import type { RunAnswer } from 'jims-core/llm';
import * as v from 'valibot';

import { searchPages } from './search.ts';
import { findOrder, payBack } from './shop.ts';

const SORTING = {
  role: 'system',
  content: `What does the customer want? Give the kind of their wish, and a title for the conversation of at
most six words, in their language.`,
} as const;

const INSTRUCTIONS = {
  role: 'system',
  content: `You are the support of a shop for tents. Answer briefly, in the language of the customer, and only
from what the tools give you. When they do not have it, say that you do not know.`,
} as const;

const Wish = v.object({
  kind: v.picklist(['question', 'order', 'refund', 'colleague']),
  title: v.string(),
});
const Query = v.object({ query: v.string() });
const OrderNumber = v.object({ number: v.string() });
const Reply = v.object({ text: v.string() });

async function support(ctx: ThreadContext): Promise<void> {
  ctx.updateAgentStatus('Reading your message…');
  const wish = await ctx.llm.chatCompletionStructured([SORTING, ...ctx.context(4)], Wish);
  ctx.setTitle(wish.title);
  if (wish.kind === 'colleague') return askColleague(ctx);

  await ctx.sendMessage(answerWithTools(ctx));
  ctx.sendEvent('support.answered', { wish: wish.kind, usage: ctx.llm.usage });
}

function answerWithTools(ctx: ThreadContext): RunAnswer {
  const orderOf = (number: string): ReturnType<typeof findOrder> =>
    findOrder(ctx.contactId, number);
  return ctx.llm.run([INSTRUCTIONS, ...ctx.context()], {
    tools: {
      search_pages: {
        description: 'Searches the pages of the shop: shipping, returns, care, sizes',
        schema: Query,
        title: 'Looking into our pages',
        execute({ query }, { source }) {
          const found = searchPages(query);
          for (const { url, title } of found) source({ url, title });
          return found.map(({ text }) => text);
        },
      },
      find_order: {
        description: 'Finds an order of the customer by its number',
        schema: OrderNumber,
        title: ({ number }) => `Looking up order ${number}`,
        execute: async ({ number }) => (await orderOf(number)) ?? 'There is no such order',
      },
      refund: {
        description: 'Pays the money for an order back; the customer is asked before',
        schema: OrderNumber,
        title: 'Paying the money back',
        needsApproval: async ({ number }) => (await orderOf(number)) !== undefined,
        approvalText: async ({ number }) => `Shall I pay €${(await orderOf(number))?.eur} back?`,
        async execute({ number }, { idempotencyKey }) {
          const order = await orderOf(number);
          return order ? payBack(order, idempotencyKey) : 'There is no such order';
        },
      },
    },
  });
}

/** A colleague answers when there is time: see `GET /api/v1/questions`. */
async function askColleague(ctx: ThreadContext): Promise<void> {
  ctx.sendMessage('A colleague will answer you here. You may close this page.');
  const data = { asked: ctx.lastUserMessage ?? '' };
  const reply = await ctx.ask({ to: 'service', name: 'answer a customer', data, schema: Reply });
  if (reply.kind === 'value') ctx.sendMessage(reply.value.text);
}

export const app = defineApp({
  name: 'Support',
  durable: true,
  pipeline: support,
  conversationStartPipeline(ctx) {
    const wishes = ['Where is my order?', 'I want my money back', 'Can I talk to a person?'];
    ctx.sendMessageWithButtons(
      'Hello! How can I help?',
      wishes.map((text) => ({ text })),
    );
  },
});
