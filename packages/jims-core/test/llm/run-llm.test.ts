import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp, newEvent } from 'jims-core';
import type { JimsApp, JimsAppOptions, Logger, Pipeline, Run, RunEvent } from 'jims-core';

import { fakeModels } from '../support/fake-models.ts';
import type { FakeModels } from '../support/fake-models.ts';
import { countTokens } from '../support/fake-openai/fake-openai.mjs';
import { freshSqlite } from '../support/sqlite.ts';
import { piece, wireServer } from '../support/wire-server.ts';

const streaming: Pipeline = async (ctx) => {
  await ctx.sendMessage(ctx.llm.stream(ctx.history));
};

describe('ctx.llm', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  function appOf(
    options: Pick<JimsAppOptions, 'pipeline' | 'conversationStartPipeline'>,
  ): JimsApp & Disposable {
    const file = freshSqlite();
    const app = defineApp({
      ...options,
      store: file.url,
      llm: models.provider({ model: 'gpt-4.1-mini' }),
    });
    return Object.assign(app, { [Symbol.dispose]: () => file[Symbol.dispose]() });
  }

  function say(app: JimsApp, content: string, conversationStart = false): Promise<Run> {
    return app.runs.start({
      thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
      incoming: newEvent('comm.user_message', { role: 'user', content }),
      conversationStart,
    });
  }

  async function eventsOf(run: Run): Promise<RunEvent[]> {
    const events: RunEvent[] = [];
    for await (const event of run.listen()) events.push(event);
    return events;
  }

  test('streams an answer into the thread, which the next question brings along', async () => {
    await using app = appOf({ pipeline: streaming });
    const run = await say(app, 'one two');
    const events = await eventsOf(run);
    const deltas = events.filter((event) => event.type === 'delta').map(({ delta }) => delta);
    assert.deepEqual(deltas, ['echo:', ' one', ' two']);
    const end = await run.end;
    assert.ok(end.type === 'result');
    assert.deepEqual(
      end.result.events.map(({ type, data }) => [type, data['content']]),
      [['comm.assistant_message', 'echo: one two']],
    );

    await (
      await say(app, 'three')
    ).end;
    assert.deepEqual(models.fake.requests[1]?.body.messages, [
      { role: 'user', content: 'one two' },
      { role: 'assistant', content: 'echo: one two' },
      { role: 'user', content: 'three' },
    ]);
  });

  test(
    'a stream that a pipeline leaves half read ends with its run',
    { timeout: 10_000 },
    async () => {
      await using server = await wireServer();
      const closed = Promise.withResolvers<void>();
      server.answer((response) => {
        response
          .once('close', closed.resolve)
          .writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify(piece('one'))}\n\n`);
      });
      using file = freshSqlite();
      await using app = defineApp({
        async pipeline(ctx) {
          const { value } = await ctx.llm.stream(ctx.history).next();
          ctx.sendMessage(value ?? '');
        },
        store: file.url,
        llm: { model: 'house/m', servers: { house: { baseUrl: server.url } } },
      });
      const { end } = await say(app, 'hello');
      assert.equal((await end).type, 'result');
      assert.ok(await Promise.race([closed.promise.then(() => true), sleep(5000, false)]));
    },
  );

  test('the usage of a run, its conversation start included, is in its outcome and is kept', async () => {
    await using app = appOf({
      pipeline: streaming,
      async conversationStartPipeline(ctx) {
        const hello = await ctx.llm.chatCompletionPlain([{ role: 'system', content: 'Greet.' }]);
        ctx.sendMessage(hello.content ?? '');
      },
    });
    const run = await say(app, 'Hi', true);
    const end = await run.end;
    assert.ok(end.type === 'result');
    const { usage } = end.result;
    assert.deepEqual(
      usage?.map(({ model, requests }) => [model, requests]),
      [['gpt-4.1-mini', 2]],
    );
    assert.ok((usage?.[0]?.costUsd ?? 0) > 0);
    const record = await app.runs.record(run.id);
    assert.deepEqual(record?.usage, usage);

    const second = await (await say(app, 'again')).end;
    assert.ok(second.type === 'result');
    assert.equal(second.result.usage?.[0]?.requests, 1);
  });

  test('a run without a model has no usage', async () => {
    await using app = appOf({ pipeline: (ctx) => ctx.sendMessage('hi') });
    const run = await say(app, 'Hi');
    const end = await run.end;
    assert.ok(end.type === 'result');
    assert.equal('usage' in end.result, false);
    assert.equal((await app.runs.record(run.id))?.usage, undefined);
  });

  test('setModel changes the model of this run alone', async () => {
    await using app = appOf({
      async pipeline(ctx) {
        if (ctx.lastUserMessage === 'big') ctx.llm.setModel('gpt-4.1');
        await ctx.sendMessage(ctx.llm.stream(ctx.history));
      },
    });
    await (
      await say(app, 'big')
    ).end;
    await (
      await say(app, 'small')
    ).end;
    assert.deepEqual(
      models.fake.requests.map(({ body }) => body.model),
      ['gpt-4.1', 'gpt-4.1-mini'],
    );
  });

  test('cancelling a run ends its call at the provider; what was streamed is kept and counted', async () => {
    await using slow = await fakeModels({ tokenDelayMs: 30 });
    using file = freshSqlite();
    await using app = defineApp({ pipeline: streaming, store: file.url, llm: slow.provider() });
    const run = await say(app, `!say ${'word '.repeat(300)}`);
    for await (const event of run.listen()) {
      if (event.type === 'delta') run.cancel();
    }
    const end = await run.end;
    assert.equal(end.type, 'cancelled');
    const [sent] = await slow.fake.waitForRequests(1);
    assert.equal(sent?.aborted, true);
    assert.equal((await app.runs.record(run.id))?.usage?.[0]?.['requests'], 1);
  });

  test('a failed call that the pipeline does not catch fails the run, and no prompt is logged', async () => {
    const logged: unknown[] = [];
    const log = (...args: unknown[]): void => void logged.push(args);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    await using app = appOf({ pipeline: streaming });
    await app.open({ logger });
    models.fake.fail({ status: 500, times: 3 });
    const run = await say(app, 'my-secret-diagnosis');
    const end = await run.end;
    assert.ok(end.type === 'error');
    assert.equal(end.error.code, 'pipeline_failed');
    assert.ok(end.error.cause instanceof Error && 'code' in end.error.cause);
    assert.equal(end.error.cause.code, 'llm_failed');
    const text = JSON.stringify(logged);
    assert.match(text, /answered 500/);
    assert.doesNotMatch(text, /my-secret-diagnosis/);
  });

  test('a pipeline may catch a failed call and go on', async () => {
    await using app = appOf({
      async pipeline(ctx) {
        try {
          await ctx.llm.chatCompletionPlain(ctx.context());
        } catch {
          ctx.sendMessage('Please try again later.');
        }
      },
    });
    models.fake.fail({ status: 400 });
    const end = await (await say(app, 'Hi')).end;
    assert.equal(end.type, 'result');
  });

  test('calls and tokens are counted by model, with HELP and TYPE from the start', async () => {
    await using app = appOf({ pipeline: streaming });
    const registry = await app.metrics.registry();
    const atFirst = await registry.metrics();
    for (const [name, help] of [
      ['llm_calls_total', 'Total number of LLM calls'],
      ['llm_usage_prompt_tokens_total', 'Total number of tokens used in the prompt for LLM'],
      [
        'llm_usage_completion_tokens_total',
        'Total number of tokens used in the completion for LLM',
      ],
    ] as const) {
      assert.ok(atFirst.includes(`# HELP ${name} ${help}\n# TYPE ${name} counter\n`), atFirst);
    }
    assert.doesNotMatch(atFirst, /model="/);
    await (
      await say(app, 'one two')
    ).end;
    await app.llm.createEmbedding('hello');
    const text = await registry.metrics();
    assert.match(text, /^llm_calls_total\{model="gpt-4.1-mini"\} 1$/m);
    assert.match(text, /^llm_usage_prompt_tokens_total\{model="gpt-4.1-mini"\} \d+$/m);
    const completion = `llm_usage_completion_tokens_total{model="gpt-4.1-mini"} ${countTokens('echo: one two')}\n`;
    assert.ok(text.includes(completion), text);
    assert.match(text, /^llm_calls_total\{model="text-embedding-3-large"\} 1$/m);
    assert.doesNotMatch(text, /completion_tokens_total\{model="text-embedding/);
  });

  test('the log has pipelines and answers of models as details, without what was said', async () => {
    await using app = appOf({ pipeline: streaming });
    const details: [string, object][] = [];
    const ignore = (): void => {};
    const debug: Logger['debug'] = (fields, message) => void details.push([message, fields]);
    await app.open({ logger: { debug, info: ignore, warn: ignore, error: ignore } });
    const run = await say(app, 'one two');
    await run.end;
    const [starts, answered, ...others] = details;
    assert.deepEqual(others, []);
    const ids = { runId: run.id, threadId: run.thread.id };
    assert.partialDeepStrictEqual(starts, ['pipeline starts', { ...ids, pipeline: 'streaming' }]);
    const completionTokens = countTokens('echo: one two');
    const model = 'gpt-4.1-mini';
    assert.partialDeepStrictEqual(answered, [
      'model answered',
      { ...ids, model, completionTokens },
    ]);
    assert.doesNotMatch(JSON.stringify(details), /one two/);
  });

  test('a context without a run has models, too', async () => {
    await using app = appOf({ pipeline: streaming });
    const thread = await app.threads.getOrCreate({ contactId: 'c' });
    await thread.appendUserMessage('Hi');
    const ctx = await thread.makeContext();
    const { content } = await ctx.llm.chatCompletionPlain(ctx.history);
    assert.equal(content, 'echo: Hi');
  });
});
