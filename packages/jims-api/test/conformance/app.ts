// The application that the cases were recorded against: every answer here is part of the corpus.
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp, openStore } from 'jims-core';
import type { JimsApp, ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { compactJson } from './compact-json.ts';
import { createDatabase, seed } from './seed.ts';

const Counter = v.object({ value: v.pipe(v.number(), v.integer()) });

/** What to do for a message, by its exact text. */
const REPLIES = new Map<string, (ctx: ThreadContext) => unknown>([
  ['', (ctx) => ctx.sendMessage('Echo: (no message)')],
  ['boom', () => fail('kaboom')],
  ['boom-late', boomLate],
  ['boom-empty', () => fail('')],
  ['boom-multiline', () => fail('line one\nline "two"\n\nevent: fake\ndata: {}')],
  ['status-boom', statusBoom],
  ['badevent', (ctx) => ctx.sendEvent('custom.bad', ['not', 'a', 'dict'])],
  ['unserialisable', unserialisable],
  ['status', statuses],
  ['events', events],
  ['note', note],
  ['count', count],
  [
    'history',
    (ctx) =>
      reply(
        ctx,
        ctx.history.map(({ role, content }) => [role, content]),
      ),
  ],
  ['config', (ctx) => reply(ctx, ctx.threadConfig)],
  ['action', action],
  ['context', (ctx) => reply(ctx, ctx.context(3))],
  ['id', (ctx) => ctx.sendMessage(ctx.threadId)],
  ['state+', increment],
  ['silent', () => {}],
  ['multi', (ctx) => ['one', 'two', 'three'].forEach((text) => ctx.sendMessage(text))],
  ['slow', slow],
]);

// The names of the two functions are labels in the metrics that the cases look at.
async function conf_pipeline(ctx: ThreadContext): Promise<void> {
  const last = ctx.lastUserMessage ?? '';
  const answer = REPLIES.get(last);
  if (answer) await answer(ctx);
  else if (last.startsWith('sleep ')) await sleepAndTell(ctx, last.slice('sleep '.length));
  else if (last.startsWith('big ')) ctx.sendMessage('x'.repeat(Number(last.slice('big '.length))));
  else ctx.sendMessage(`Echo: ${last}`);
}

function conf_start(ctx: ThreadContext): void {
  const { start } = ctx.threadConfig;
  if (start === 'boom') fail('start kaboom');
  ctx.sendMessage('Welcome!');
  if (start === 'state') ctx.setState('counter', { value: 10 });
}

/** Makes the database of JIMS_DB_CONN_URI and its seed threads; the app then opens it by the same variable. */
export async function app(): Promise<JimsApp> {
  const url = process.env['JIMS_DB_CONN_URI'];
  if (!url)
    throw new Error('JIMS_DB_CONN_URI must name a new database, to be filled with seed rows');
  if (url.startsWith('postgres')) await createDatabase(url);
  const store = await openStore(url);
  await store.close();
  await seed(url);
  return defineApp({
    pipeline: conf_pipeline,
    ...(process.env['CONF_NO_START'] ? {} : { conversationStartPipeline: conf_start }),
  });
}

function boomLate(ctx: ThreadContext): void {
  ctx.sendMessage('partial');
  ctx.setState('counter', { value: 777 });
  fail('late kaboom');
}

function statusBoom(ctx: ThreadContext): void {
  ctx.updateAgentStatus({ message: 'before\nthe "fall"', statusType: 'x\ny' });
  fail('kaboom after status');
}

function unserialisable(ctx: ThreadContext): void {
  ctx.sendMessage('first');
  ctx.sendEvent('custom.unserialisable', { big: 1n });
  ctx.sendMessage('third');
}

function statuses(ctx: ThreadContext): void {
  ctx.updateAgentStatus({ message: 'Thinking...', statusType: 'thinking' });
  ctx.updateAgentStatus('plain');
  ctx.updateAgentStatus({ message: 'Searching…', statusType: 'searching' });
  ctx.sendMessage('Echo: status');
}

function events(ctx: ThreadContext): void {
  ctx.sendEvent('rag.query_processed', { a: [1, 2.5, null, true, { x: 'ü' }] });
  ctx.sendMessageWithButtons('pick', [
    { text: 'A', id: 'a' },
    { text: 'B', id: 'b' },
  ]);
  ctx.setState('s', { n: 1 });
  ctx.sendMessage('Echo: events');
}

function note(ctx: ThreadContext): void {
  ctx.sendEvent('context.note', { role: 'assistant', content: 'hidden note' });
  ctx.sendMessage('noted');
}

function count(ctx: ThreadContext): void {
  reply(ctx, {
    history: ctx.history.length,
    events: ctx.events.length,
    types: ctx.events.map((event) => event.type),
  });
}

function action(ctx: ThreadContext): void {
  const last = ctx.lastUserAction;
  reply(ctx, last ? [last.name, last.content] : [null, null]);
}

function increment(ctx: ThreadContext): void {
  const value = (ctx.getState('counter', Counter)?.value ?? 0) + 1;
  ctx.setState('counter', { value });
  ctx.sendMessage(String(value));
}

async function slow(ctx: ThreadContext): Promise<void> {
  ctx.updateAgentStatus({ message: 'step 1', statusType: 'slow' });
  await sleep(300, undefined, { signal: ctx.signal });
  ctx.updateAgentStatus({ message: 'step 2', statusType: 'slow' });
  ctx.sendMessage('slow done');
}

async function sleepAndTell(ctx: ThreadContext, milliseconds: string): Promise<void> {
  await sleep(Number(milliseconds), undefined, { signal: ctx.signal });
  ctx.sendMessage(`slept ${milliseconds}`);
}

function reply(ctx: ThreadContext, value: unknown): void {
  ctx.sendMessage(compactJson(value));
}

function fail(message: string): never {
  throw new Error(message);
}
