// Whatever fails in a run says which line of the app led to it: in the log, and in the trace of the run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { createLlmProvider, defineTool } from 'jims-core/llm';
import * as v from 'valibot';

import { defineApp } from '../../src/app/app.ts';
import { addCallFrames } from '../../src/errors/call-frames.ts';
import type { ThreadContext } from '../../src/pipeline/thread-context.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { scriptedModel } from '../../src/testing.ts';

/** Whose errors come from packages, with no line of this file. */
const NO_SERVER = { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_API_KEY: 'k' };
const llm = createLlmProvider({ tries: 1, model: 'openai/m' }, NO_SERVER);
const SAID = [{ role: 'user', content: 'Hi' }] as const;

const FAILING: Readonly<Record<string, (ctx: ThreadContext) => unknown>> = {
  async plain(ctx) {
    await ctx.llm.chatCompletionPlain(SAID); // fails: plain
  },
  async structured(ctx) {
    await ctx.llm.chatCompletionStructured(SAID, v.object({})); // fails: structured
  },
  async tools(ctx) {
    await ctx.llm.chatCompletionWithTools(SAID, []); // fails: tools
  },
  async 'a stream that it reads'(ctx) {
    for await (const piece of ctx.llm.stream(SAID)) assert.fail(piece); // fails: a stream that it reads
  },
  async 'a streamed message'(ctx) {
    await ctx.sendMessage(ctx.llm.stream(SAID)); // fails: a streamed message
  },
  'a message that it returns': (ctx) => ctx.sendMessage(ctx.llm.stream(SAID)), // fails: a message that it returns
  async 'a message that nobody awaits'(ctx) {
    void ctx.sendMessage(ctx.llm.stream(SAID)); // fails: a message that nobody awaits
    await ctx.step('other', () => 'done');
  },
  async 'a loop as a message'(ctx) {
    await ctx.sendMessage(ctx.llm.run(SAID)); // fails: a loop as a message
  },
  async 'a loop that it reads'(ctx) {
    for await (const part of ctx.llm.run(SAID)) assert.fail(part.type); // fails: a loop that it reads
  },
  async embeddings(ctx) {
    await ctx.llm.createEmbeddings(['a']); // fails: embeddings
  },
  async embedding(ctx) {
    await ctx.llm.createEmbedding('a'); // fails: embedding
  },
  async rerank(ctx) {
    await ctx.llm.rerank('q', ['a', 'b'], { model: 'openai/r' }); // fails: rerank
  },
  async 'a step'(ctx) {
    await ctx.step('read', () => readFile('/not/there')); // fails: a step
  },
  async 'a step whose work throws'(ctx) {
    await ctx.step('throw', () => {
      throw new Error('of the work'); // fails: a step whose work throws
    });
  },
  async 'a step of many at once'(ctx) {
    const good = ctx.step('good', () => 1);
    const bad = ctx.step('read', () => readFile('/not/there')); // fails: a step of many at once (traced)
    await Promise.all([good, bad]); // fails: a step of many at once
  },
  async 'a model in a step'(ctx) {
    await ctx.step('ask', async () => {
      await ctx.llm.chatCompletionPlain(SAID); // fails: a model in a step
    });
  },
  async 'a stream in a step'(ctx) {
    await ctx.step('ask', async () => {
      for await (const piece of ctx.llm.stream(SAID)) assert.fail(piece); // fails: a stream in a step
    });
  },
  async 'a loop in a step'(ctx) {
    await ctx.step('ask', async () => {
      await ctx.llm.run(SAID).text(); // fails: a loop in a step
    });
  },
  async 'a file'(ctx) {
    await ctx.file('01a21876-7432-7d70-a862-9686cfb2ef4d'); // fails: a file
  },
  async 'a state'(ctx) {
    ctx.setState('order', { size: 1 });
    ctx.getState('order', v.object({ size: v.string() })); // fails: a state
  },
  async 'a question in a step'(ctx) {
    await ctx.step('ask', () => ctx.ask('Really?')); // fails: a question in a step
  },
  async 'a deep call'(ctx) {
    const helper = async (): Promise<void> => {
      await Promise.resolve();
      await ctx.llm.chatCompletionPlain(SAID); // fails: a deep call
    };
    await helper();
  },
};

const lines = readFileSync(import.meta.filename, 'utf8').split('\n');
const lineOf = (name: string): number =>
  lines.findIndex((line) => line.endsWith(`// fails: ${name}`)) + 1;

for (const durable of [false, true]) {
  describe(durable ? 'a durable run' : 'a run', () => {
    for (const [name, pipeline] of Object.entries(FAILING)) {
      test(`${name}: the line that led to its failure`, async () => {
        const traced = await positionIn(pipeline, durable);
        assert.deepEqual(traced, [lineOf(`${name} (traced)`) || lineOf(name)]);
        // Where no run is traced, a stack costs nothing: it says who waits.
        const logged = await linesInLog(pipeline, durable);
        assert.ok(logged.includes(lineOf(name)), `${lineOf(name)} is not in ${logged.join(', ')}`);
      });
    }
  });
}

test('a failure that an earlier execution stored says so, and which call gets it', async () => {
  const { logger, errors } = recording();
  await using app = defineApp({
    store: 'sqlite::memory:',
    durable: true,
    async pipeline(ctx) {
      const failed = ctx.step('read', () => readFile('/not/there'));
      await failed.catch(() => {});
      await ctx.ask('Again?');
      await failed;
    },
  });
  await app.open({ logger, traces: true });
  await (
    await app.runs.start({ contactId: 'c', message: 'Go' })
  ).end;
  const run = await app.runs.start({ contactId: 'c', message: 'Yes' });
  assert.equal((await run.end).type, 'error');
  const text = JSON.stringify(errors);
  assert.match(text, /StepFailed: ENOENT.*the step 'read', as an earlier execution stored it/);
  assert.match(text, /call-frames\.test\.ts/);
});

test('what a tool throws is in the log, as its model gets only the message', async () => {
  const calls = { calls: [{ name: 'find' }] };
  const { logger, warnings } = recording();
  await using app = defineApp({
    store: 'sqlite::memory:',
    llm: { model: scriptedModel([calls, 'Sorry.']) },
    pipeline: (ctx) => ctx.sendMessage(ctx.llm.run(SAID, { tools: { find } })),
  });
  await app.open({ logger });
  await (
    await app.runs.start({ contactId: 'c', message: 'Go' })
  ).end;
  assert.partialDeepStrictEqual(warnings, [{ tool: 'find', error: { message: 'of the tool' } }]);
  assert.match(JSON.stringify(warnings), new RegExp(`call-frames.test.ts:${lineOf('a tool')}:`));
});

const find = defineTool({
  description: 'Finds',
  execute() {
    throw new Error('of the tool'); // fails: a tool
  },
});

test('what has no stack stays as it is', () => {
  const odd = Object.defineProperty(new Error('odd'), 'stack', { get: () => assert.fail('odd') });
  addCallFrames(odd, new Error('other'));
  addCallFrames('not an error', new Error('other'));
});

test('the same lines are added once', () => {
  const error = new Error('once');
  const from = { stack: `Error\n    at thing (${import.meta.filename}:7:1)` };
  for (let times = 0; times < 3; times++) addCallFrames(error, from);
  assert.equal(error.stack?.split(':7:1)').length, 2);
});

type Pipeline = (ctx: ThreadContext) => unknown;

async function positionIn(pipeline: Pipeline, durable: boolean): Promise<unknown> {
  await using app = defineApp({ store: 'sqlite::memory:', llm, durable, pipeline });
  await app.open({ traces: true });
  const run = await app.runs.start({ contactId: 'c', message: 'Go' });
  assert.equal((await run.end).type, 'error');
  const { error } = (await app.runs.trace(run.id)) ?? {};
  return [error?.source?.line ?? error];
}

/** The lines of this file that the log of a failed run has. */
async function linesInLog(pipeline: Pipeline, durable: boolean): Promise<readonly number[]> {
  const { logger, errors } = recording();
  await using app = defineApp({ store: 'sqlite::memory:', llm, durable, pipeline });
  await app.open({ logger });
  await (
    await app.runs.start({ contactId: 'c', message: 'Go' })
  ).end;
  const found = JSON.stringify(errors).matchAll(/call-frames\.test\.ts:(\d+)/g);
  return [...found].map(([, line]) => Number(line));
}

interface Recording {
  readonly logger: Logger;
  readonly errors: unknown[];
  readonly warnings: unknown[];
}

function recording(): Recording {
  const errors: unknown[] = [];
  const warnings: unknown[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (fields) => void warnings.push(fields),
    error: (fields) => void errors.push(fields),
  };
  return { logger, errors, warnings };
}
