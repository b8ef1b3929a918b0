// What app.runs.trace gives: while a run goes on, after a restart, within its bounds, and when the file of
// traces cannot be used.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { defineApp } from '../../../src/app/app.ts';
import type { JimsApp } from '../../../src/app/app.ts';
import type { RunTrace } from '../../../src/app/run-trace.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import type { ThreadContext } from '../../../src/pipeline/thread-context.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { scriptedModel, toolCall } from '../../../src/testing.ts';
import type { ScriptedAnswer } from '../../../src/testing.ts';
import { eventually } from '../../support/eventually.ts';
import { fakeModels } from '../../support/fake-models.ts';
import { freshSqlite } from '../../support/sqlite.ts';

describe('app.runs.trace', () => {
  test('nothing is traced without the option', async () => {
    await using app = defineApp({ pipeline: echo, store: 'sqlite::memory:' });
    const trace = await traceOf(app, await say(app, 'Hello'));
    assert.equal(trace.isKept, false);
    assert.deepEqual(kindsOf(trace), ['event', 'end']);
  });

  test('a run that goes on is seen as far as it is, and one that waits in its queue', async () => {
    const began = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    await using app = await tracedApp(async (ctx) => {
      ctx.updateAgentStatus('Waiting');
      await ctx.step('wait', async () => {
        began.resolve();
        await goOn.promise;
        return 'done';
      });
    });
    const first = await app.runs.start({ contactId: 'c', message: '1' });
    await began.promise;
    const second = await app.runs.start({ contactId: 'c', message: '2' });
    const during = await traceOf(app, first.id);
    assert.deepEqual(
      during.entries.map(({ kind, ms }) => [kind, ms]),
      [
        ['pipeline', null],
        ['status', 0],
        ['step', null],
      ],
    );
    assert.deepEqual(kindsOf(await traceOf(app, second.id)), ['queue']);
    goOn.resolve();
    await second.end;
    const [queue, pipeline] = (await traceOf(app, second.id)).entries;
    assert.ok(queue?.kind === 'queue' && (queue.ms ?? 0) > 0);
    assert.ok(pipeline && pipeline.at >= queue.at);
    const after = (await traceOf(app, first.id)).entries;
    assert.deepEqual(
      after.map(({ kind }) => kind),
      ['pipeline', 'status', 'step', 'end'],
    );
    assert.ok(after.every(({ ms }) => ms !== null));
  });

  test('a tool that threw is found in the code of the app', async () => {
    const find = {
      description: 'Finds an order',
      execute() {
        throw new Error('The shop is closed');
      },
    };
    await using app = await tracedApp(
      (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find } })),
      [toolCall('find', {}), 'Sorry'],
    );
    const runId = await say(app, 'Hello');
    await eventually(async () => entryOf(await traceOf(app, runId), 'tool')?.source !== undefined);
    const tool = entryOf(await traceOf(app, runId), 'tool');
    assert.equal(tool?.error, 'The shop is closed');
    assert.match(tool?.source?.file ?? '', /traces\.test\.ts$/);
    const line = tool?.source?.excerpt.find(({ line: number }) => number === tool.source?.line);
    assert.equal(line?.text.trim(), "throw new Error('The shop is closed');");
  });

  test('a run that is cancelled while its model answers: what came, and what did not end', async () => {
    const model = {
      ...scriptedModel([]),
      doStream: async ({ abortSignal }: { readonly abortSignal?: AbortSignal }) => ({
        stream: new ReadableStream({
          start(controller) {
            controller.enqueue({ type: 'text-start', id: '1' });
            controller.enqueue({ type: 'text-delta', id: '1', delta: 'one two ' });
            abortSignal?.addEventListener('abort', () => controller.error(abortSignal.reason));
          },
        }),
      }),
    };
    await using app = defineApp({
      pipeline: (ctx) => ctx.sendMessage(ctx.llm.stream(ctx.context())),
      llm: { model },
      store: 'sqlite::memory:',
    });
    await app.open({ traces: true });
    const run = await app.runs.start({ contactId: 'c', message: 'Hello' });
    for await (const event of run.listen()) if (event.type === 'delta') run.cancel();
    await run.end;
    await eventually(async () => entryOf(await traceOf(app, run.id), 'model')?.error !== null);
    const trace = await traceOf(app, run.id);
    assert.equal(entryOf(trace, 'message')?.text, 'one two ');
    assert.match(entryOf(trace, 'model')?.error ?? '', /stopped|aborted/i);
    assert.partialDeepStrictEqual(trace.entries.at(-1), { type: 'cancelled', reason: 'cancelled' });
  });

  test('an answer that a pipeline keeps to itself', async () => {
    await using app = await tracedApp(
      async (ctx) => {
        const { content } = await ctx.llm.chatCompletionPlain([{ role: 'user', content: 'Hi' }]);
        ctx.setState('said', { content });
      },
      ['Hello there'],
    );
    const trace = await traceOf(app, await say(app, 'Hello'));
    const model = entryOf(trace, 'model');
    assert.equal(model?.operation, 'complete');
    assert.deepEqual(model.answer, { text: 'Hello there', finishReason: 'stop' });
    assert.equal(model.firstPieceMs, null);
    assert.deepEqual(trace.state, { before: {}, after: { said: { content: 'Hello there' } } });
  });

  test('each method of ctx.llm by its name: vectors and rankings, and how often it was tried', async () => {
    await using models = await fakeModels();
    await using app = defineApp({
      store: 'sqlite::memory:',
      llm: models.provider({ tries: 2 }),
      async pipeline(ctx) {
        await ctx.llm.createEmbeddings(['a cat', 'a dog']);
        await ctx.llm.rerank('cat', ['a cat', 'a dog'], { topN: 1 });
        await ctx.sendMessage(ctx.llm.stream(ctx.context()));
      },
    });
    await app.open({ traces: true });
    models.fake.fail({ status: 500, times: 1 });
    const trace = await traceOf(app, await say(app, 'Hello'));
    const calls = trace.entries.filter((entry) => entry.kind === 'model');
    assert.deepEqual(
      calls.map(({ operation, tries, error }) => [operation, tries, error]),
      [
        ['embeddings', 2, null],
        ['rerank', 1, null],
        ['stream', 1, null],
      ],
    );
    const [embedding, ranking, stream] = calls;
    assert.deepEqual(embedding?.request?.texts, ['a cat', 'a dog']);
    assert.equal(embedding.answer?.vectors?.count, 2);
    assert.ok((embedding.tokens?.prompt ?? 0) > 0);
    assert.deepEqual([ranking?.request?.query, ranking?.request?.texts?.length], ['cat', 2]);
    assert.deepEqual(
      ranking?.answer?.ranking?.map(({ index }) => index),
      [0],
    );
    assert.equal(ranking?.costUsd, 0.002);
    assert.ok((stream?.firstPieceMs ?? -1) >= 0);
    assert.equal(stream?.answer?.text, entryOf(trace, 'message')?.text);
  });

  test('in a file they are there after a restart, each attempt of a run by itself', async () => {
    using database = freshSqlite();
    const file = join(database.path, '..', 'deep', 'traces.db');
    const began = Promise.withResolvers<void>();
    const never = Promise.withResolvers<void>();
    const pipeline = async (ctx: ThreadContext): Promise<void> => {
      await ctx.step('work', () => ctx.lastUserMessage);
      if (ctx.lastUserMessage !== 'die') return;
      began.resolve();
      await ctx.step('die', () => never.promise);
    };
    const first = defineApp({ pipeline, durable: true, store: database.url });
    await first.open({ traces: file, limits: { graceMs: 20 } });
    const done = await say(first, 'Hello');
    const dying = await first.runs.start({ contactId: 'c', message: 'die' });
    await began.promise;
    // Its process would write this every second.
    await eventually(() => rowsIn(file) === 2);
    await first.close();
    await using second = defineApp({ pipeline, durable: true, store: database.url });
    await second.open({ traces: file, limits: { graceMs: 20 } });
    const trace = await traceOf(second, done);
    assert.equal(trace.isKept, true);
    assert.equal(entryOf(trace, 'step')?.output, 'Hello');
    const steps = ({ entries }: RunTrace): unknown[] =>
      entries.flatMap((entry) => (entry.kind === 'step' ? [[entry.name, entry.isReplayed]] : []));
    const goesOn = async (): Promise<boolean> => {
      const newest = await traceOf(second, dying.id);
      return newest.attempt === 2 && steps(newest).length === 2;
    };
    await eventually(goesOn);
    const again = await traceOf(second, dying.id);
    assert.deepEqual([again.attempt, again.attempts], [2, [1, 2]]);
    assert.deepEqual(steps(again), [
      ['work', true],
      ['die', false],
    ]);
    const before = await second.runs.trace(dying.id, 1);
    assert.ok(before);
    assert.deepEqual(steps(before), [
      ['work', false],
      ['die', false],
    ]);
  });

  test('a file that cannot be used costs no run, and the log says so once', async () => {
    using database = freshSqlite();
    const folder = join(database.path, '..');
    const isFolder = join(folder, 'folder');
    mkdirSync(isFolder);
    const isText = join(folder, 'text.db');
    writeFileSync(
      isText,
      'This is not a database, but some text that is long enough to look at. '.repeat(99),
    );
    const warnings: string[] = [];
    for (const traces of [isFolder, isText, '/dev/null/traces.db']) {
      await using app = defineApp({ pipeline: echo, store: 'sqlite::memory:' });
      await app.open({ traces, logger: recording(warnings) });
      for (const message of ['1', '2', '3']) {
        assert.equal((await traceOf(app, await say(app, message))).isKept, true, traces);
      }
    }
    assert.equal(warnings.length, 3);
    assert.match(readFileSync(isText, 'utf8'), /^This is not/);
  });

  test('a file that breaks while it is used costs no run', async () => {
    using database = freshSqlite();
    const file = join(database.path, '..', 'traces.db');
    const warnings: string[] = [];
    await using app = defineApp({ pipeline: echo, store: 'sqlite::memory:' });
    await app.open({ traces: file, logger: recording(warnings) });
    await say(app, 'Hello');
    const other = new DatabaseSync(file);
    other.exec('DROP TABLE traces');
    other.close();
    const runId = await say(app, 'Hello again');
    await eventually(() => warnings.length === 1);
    assert.equal((await traceOf(app, runId)).isKept, true);
  });

  test('the last 200 are kept, in memory and in a file; an erased thread leaves none', async () => {
    using database = freshSqlite();
    const file = join(database.path, '..', 'traces.db');
    for (const traces of [true, file]) {
      await using app = defineApp({ pipeline: echo, store: 'sqlite::memory:' });
      await app.open({ traces });
      const runs: string[] = [];
      for (let n = 0; n < 205; n++) runs.push(await say(app, `secret ${n}`));
      const kept = async (): Promise<number> => {
        const all = await Promise.all(runs.map((runId) => app.runs.trace(runId)));
        return all.filter((trace) => trace?.isKept).length;
      };
      await eventually(async () => (await kept()) === 200);
      assert.equal((await traceOf(app, runs[0] ?? '')).isKept, false);
      assert.equal((await traceOf(app, runs[5] ?? '')).isKept, true);
      await app.threads.delete({ contactId: 'c' });
      assert.equal(await app.runs.trace(runs[204] ?? ''), undefined);
      const ofFile = traces === file ? [file, `${file}-wal`] : [];
      for (const each of ofFile) assert.doesNotMatch(readFileSync(each, 'latin1'), /secret/, each);
    }
    assert.equal(rowsIn(file), 0);
  });

  test('whatever a run does, its trace has a bounded size, and says what is missing', async () => {
    const big = fc.integer({ min: 0, max: 400_000 });
    const action = fc.record({
      kind: fc.constantFrom(
        'step',
        'event',
        'state',
        'message',
        'stream',
        'status',
        'model',
        'fail',
      ),
      size: fc.oneof(big, fc.integer({ min: 0, max: 100 })),
      times: fc.integer({ min: 1, max: 40 }),
    });
    const runs = fc.array(action, { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(runs, async (actions) => {
        const answers = actions.flatMap(({ size, times }) => Array(times).fill('x'.repeat(size)));
        await using app = await tracedApp(async (ctx) => {
          for (const each of actions) for (let n = 0; n < each.times; n++) await act(ctx, each);
        }, answers);
        const run = await app.runs.start({ contactId: 'c', message: 'y'.repeat(300_000) });
        await run.end;
        const { record: _, ...trace } = await traceOf(app, run.id);
        const size = JSON.stringify(trace).length;
        // A megabyte of entries, and as much of states, the error, and what each entry has in any case.
        assert.ok(size < 3 * 1024 * 1024, `${size} characters`);
        assert.ok(trace.entries.length <= 1001);
        assert.equal(trace.entries.at(-1)?.kind, 'end');
        const whole = actions.reduce((sum, { size: each, times }) => sum + each * times, 0);
        const text = JSON.stringify(trace.entries);
        if (whole > 3 * 1024 * 1024) assert.ok(trace.leftOut > 0 || /more characters/.test(text));
      }),
      { numRuns: 8 },
    );
  });
});

async function act(
  ctx: ThreadContext,
  { kind, size }: { readonly kind: string; readonly size: number },
): Promise<void> {
  const text = 'x'.repeat(size);
  switch (kind) {
    case 'step':
      await ctx.step('s', () => ({ text }), { input: { text } });
      return;
    case 'event':
      ctx.sendEvent('app.big', { text });
      return;
    case 'state':
      ctx.setState(`s${size}`, { text });
      return;
    case 'message':
      ctx.sendMessage(text);
      return;
    case 'stream':
      await ctx.sendMessage(pieces(text));
      return;
    case 'status':
      ctx.updateAgentStatus(text);
      return;
    case 'model':
      await ctx.llm.chatCompletionPlain([...ctx.context(), { role: 'user', content: text }], {
        allowEmpty: true,
      });
      return;
    default:
      await ctx.step('f', () => Promise.reject(new Error(text))).catch(() => {});
  }
}

async function* pieces(text: string): AsyncGenerator<string> {
  for (let from = 0; from < text.length; from += 1000) yield text.slice(from, from + 1000);
}

const echo: Pipeline = (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);

async function tracedApp(
  pipeline: Pipeline,
  answers: readonly ScriptedAnswer[] = [],
): Promise<JimsApp> {
  const app = defineApp({
    pipeline,
    llm: { model: scriptedModel(answers) },
    store: 'sqlite::memory:',
  });
  await app.open({ traces: true });
  return app;
}

async function say(app: JimsApp, message: string): Promise<string> {
  const run = await app.runs.start({ contactId: 'c', message });
  assert.equal((await run.end).type, 'result');
  return run.id;
}

async function traceOf(app: JimsApp, runId: string): Promise<RunTrace> {
  const trace = await app.runs.trace(runId);
  assert.ok(trace);
  return trace;
}

function kindsOf({ entries }: RunTrace): string[] {
  return entries.map(({ kind }) => kind);
}

type Entry = RunTrace['entries'][number];
type EntryOf<TKind> = Extract<Entry, { readonly kind: TKind }>;

function entryOf<TKind extends Entry['kind']>(
  { entries }: RunTrace,
  kind: TKind,
): EntryOf<TKind> | undefined {
  return entries.find((entry): entry is EntryOf<TKind> => entry.kind === kind);
}

function rowsIn(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return Number(database.prepare('SELECT count(*) AS n FROM traces').get()?.['n']);
  } finally {
    database.close();
  }
}

function recording(warnings: string[]): Logger {
  return {
    debug() {},
    info() {},
    warn: (_, message) => void warnings.push(message),
    error() {},
  };
}
