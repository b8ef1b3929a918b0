// Answers from the texts in a folder, and sends the pages that it cites as the sources of its message.
import { defineApp, isJimsError } from 'jims-core';
import type { MessagePart, ThreadContext } from 'jims-core';

import { PassageIndex } from './passage-index.ts';
import type { Passage } from './passage-index.ts';

const PASSAGES = 3;

const INSTRUCTIONS = `Answer the question from the numbered passages alone, and put the number of the
passage that you took it from after each statement, like this: [1]. When the passages do not answer
the question, say that you do not know.`;

const index = new PassageIndex(new URL('texts/', import.meta.url));

async function answer(ctx: ThreadContext): Promise<void> {
  const question = ctx.lastUserMessage ?? '';
  ctx.updateAgentStatus('Looking it up…');
  const found = await index.search(question, { llm: ctx.llm, count: PASSAGES });

  ctx.updateAgentStatus('Writing the answer…');
  const passages = found.map(({ title, text }, at) => `[${at + 1}] ${title}\n${text}`);
  const content = [INSTRUCTIONS, ...passages].join('\n\n');
  const pieces = ctx.llm.stream([{ role: 'system', content }, ...ctx.context(10)]);
  await ctx.sendMessage(withSources(pieces, found));
}

/** An answer, and after it the passages whose numbers are in it. */
async function* withSources(
  pieces: AsyncIterable<string>,
  found: readonly Passage[],
): AsyncGenerator<string | MessagePart> {
  let answered = '';
  for await (const piece of pieces) {
    answered += piece;
    yield piece;
  }
  const cited = found.filter((_, at) => answered.includes(`[${at + 1}]`));
  for (const { url, title, text } of cited) yield { type: 'source', url, title, excerpt: text };
}

/** Says what is missing where no model can be called, instead of failing. */
async function answerOrExplain(ctx: ThreadContext): Promise<void> {
  try {
    await answer(ctx);
  } catch (error) {
    if (!isJimsError(error) || error.code !== 'llm_unusable') throw error;
    ctx.sendMessage(
      `I have no language model yet. ${error.message}: put it into the file .env, as .env.example shows.`,
    );
  }
}

export const app = defineApp({
  name: 'my-bot',
  pipeline: answerOrExplain,
  conversationStartPipeline(ctx) {
    ctx.sendMessage('Hello! What would you like to know about the lighthouse?');
  },
});
