// Answers from a folder of texts, with the pages that it cites as the sources of its message. MODEL and
// EMBEDDINGS_MODEL say who answers and who makes the vectors; they are kept in RAG_INDEX (default: rag.db in
// this folder). RAG_URL is where readers find the texts.
import { join } from 'node:path';

import { defineApp } from 'jims-core';
import type { MessagePart, ThreadContext } from 'jims-core';

import { openVectors } from './vectors.ts';
import type { Found, Vectors } from './vectors.ts';

const TEXTS = process.env['RAG_TEXTS'] ?? join(import.meta.dirname, 'texts');
const INDEX = process.env['RAG_INDEX'] ?? join(import.meta.dirname, 'rag.db');
const SITE = process.env['RAG_URL'] ?? 'https://lighthouse.example/';
const EMBEDDINGS = ['EMBEDDINGS_MODEL', 'EMBEDDINGS_DIM'].map((name) => process.env[name]).join();
const PASSAGES = 3;

const INSTRUCTIONS = `Answer the question from the numbered passages alone, and put the number of the
passage that you took it from after each statement, like this: [1]. When the passages do not answer
the question, say that you do not know.`;

interface Citation {
  readonly number: number;
  readonly source: string;
  readonly quote: string;
  readonly score: number;
}

let index: Promise<Vectors> | undefined;

/** The first question fills the index; those that come meanwhile wait for it. */
function openIndex(ctx: ThreadContext): Promise<Vectors> {
  index ??= fillIndex(ctx).catch((error: unknown) => {
    index = undefined;
    throw error;
  });
  return index;
}

async function fillIndex(ctx: ThreadContext): Promise<Vectors> {
  ctx.updateAgentStatus({ message: 'Reading the texts…', statusType: 'rag.index' });
  const vectors = openVectors(INDEX);
  await vectors.update({
    folder: TEXTS,
    model: EMBEDDINGS,
    embed: (texts) => ctx.llm.createEmbeddings(texts),
  });
  return vectors;
}

async function answer(ctx: ThreadContext): Promise<void> {
  const query = ctx.lastUserMessage;
  if (query === undefined) return ctx.sendMessage('What would you like to know?');
  const vectors = await openIndex(ctx);

  ctx.updateAgentStatus({ message: 'Looking it up…', statusType: 'rag.search' });
  const found = vectors.nearest(await ctx.llm.createEmbedding(query), PASSAGES);

  ctx.updateAgentStatus({ message: 'Writing the answer…', statusType: 'rag.answer' });
  const passages = found.map(({ text }, at) => `[${at + 1}] ${text}`).join('\n\n');
  const instructions = { role: 'system', content: `${INSTRUCTIONS}\n\n${passages}` } as const;
  const pieces = ctx.llm.stream([instructions, ...ctx.context(10)]);
  const text = await ctx.sendMessage(withSources(pieces, found));

  ctx.sendEvent('rag.query_processed', { query, citations: citationsIn(text, found) });
}

/** An answer, and after it the pages that it cites. */
async function* withSources(
  pieces: AsyncIterable<string>,
  found: readonly Found[],
): AsyncGenerator<string | MessagePart> {
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    yield piece;
  }
  for (const { source, quote } of citationsIn(text, found)) {
    const [title = source, ...lines] = quote.split('\n');
    const url = new URL(source.replace(/\.md$/, ''), SITE).href;
    yield { type: 'source', url, title: title.replace('# ', ''), excerpt: lines.join('\n') };
  }
}

/** The passages whose numbers are in the answer. */
function citationsIn(text: string, found: readonly Found[]): Citation[] {
  const numbers = new Set([...text.matchAll(/\[(\d+)\]/g)].map(([, number]) => Number(number)));
  return found
    .map(({ source, text: quote, score }, at) => ({ number: at + 1, source, quote, score }))
    .filter(({ number }) => numbers.has(number));
}

export const app = defineApp(answer);
