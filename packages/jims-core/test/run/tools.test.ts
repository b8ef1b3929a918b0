// Tools in runs that survive their process, and tools that the contact approves.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { defineApp, isJimsError } from 'jims-core';
import type { JimsApp, NumberedRunEvent, Pipeline, Run, RunResult, ThreadEvent } from 'jims-core';
import type { RunAnswer, RunTool } from 'jims-core/llm';
import { scriptedModel, testUser } from 'jims-core/testing';
import type { ScriptedAnswer, ScriptedModel } from 'jims-core/testing';
import { z } from 'zod';

import { replayTwice, runPipeline } from '../support/run-pipeline.ts';
import { freshSqlite } from '../support/sqlite.ts';

const Order = z.object({ id: z.string() });
type Order = z.infer<typeof Order>;

const FIND: ScriptedAnswer = { text: 'Let me see.', calls: [{ name: 'find', input: { id: '7' } }] };
const BOTH: ScriptedAnswer = {
  text: 'I look, and refund.',
  calls: [
    { name: 'refund', input: { id: '7' } },
    { name: 'find', input: { id: '7' } },
  ],
};

/** Tools that say how they were called. */
function toolsOf(keys: string[]): { find: RunTool<Order>; refund: RunTool<Order> } {
  return {
    find: {
      description: 'Finds an order',
      schema: Order,
      execute({ id }, { idempotencyKey }) {
        keys.push(idempotencyKey);
        return { id, total: 900 };
      },
    },
    refund: {
      description: 'Refunds an order',
      schema: Order,
      title: ({ id }) => `Refund order ${id}`,
      approvalText: ({ id }) => `Shall I refund order ${id}?`,
      needsApproval: async () => true,
      execute(_, { idempotencyKey }) {
        keys.push(idempotencyKey);
        return 'refunded';
      },
    },
  };
}

const contentsOf = (events: readonly ThreadEvent[]): string[] =>
  events.filter(({ type }) => type.startsWith('comm.')).map(({ data }) => String(data['content']));

async function resultOf(run: Run): Promise<RunResult> {
  const end = await run.end;
  if (end.type === 'error') throw end.error.cause ?? end.error;
  assert.ok(end.type === 'result');
  return end.result;
}

async function newsOf(run: Run): Promise<NumberedRunEvent[]> {
  const events: NumberedRunEvent[] = [];
  for await (const event of run.listen()) events.push(event);
  return events;
}

const deltasOf = (events: readonly NumberedRunEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'delta' ? [event.delta] : []));

async function foundRun(app: JimsApp, runId: string): Promise<Run> {
  const run = await app.runs.find(runId);
  assert.ok(run);
  return run;
}

const lastPrompt = ({ requests }: ScriptedModel): unknown => requests.at(-1)?.prompt;

describe('tools in a durable run', () => {
  test('a replay calls no model and no tool again, and sends the same', async () => {
    const keys: string[] = [];
    const tools = toolsOf(keys);
    const model = scriptedModel([FIND, 'It costs 900.', BOTH, 'Refunded.', 'Bye.']);
    const pipeline: Pipeline = (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools }));
    await replayTwice(pipeline, ['What is order 7?', 'Refund it', 'yes', 'Thanks'], {
      llm: { model },
    });
    assert.equal(model.requests.length, 5);
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 3);
  });

  test('a pipeline that reads it by itself is replayed, too', async () => {
    const model = scriptedModel([FIND, 'It costs 900.']);
    const keys: string[] = [];
    await replayTwice(
      async (ctx) => {
        const parts: string[] = [];
        for await (const { type } of ctx.llm.run(ctx.context(), { tools: toolsOf(keys) })) {
          parts.push(type);
          await ctx.step('note', () => type);
        }
        ctx.sendMessage(parts.join(' '));
      },
      ['What is order 7?'],
      { llm: { model } },
    );
    assert.equal(keys.length, 1);
  });

  test('two answers at once, then one that waits for approval, then a question that a loop writes', async () => {
    const keys: string[] = [];
    const tools = toolsOf(keys);
    // It answers by what it is asked: which of two is first is open.
    const model: ScriptedModel = { ...scriptedModel([]), doStream: byLastMessage };
    const pipeline: Pipeline = async (ctx) => {
      const ask = (content: string): RunAnswer =>
        ctx.llm.run([{ role: 'user', content }], { tools });
      await Promise.all([ctx.sendMessage(ask('find')), ctx.sendMessage(ask('find'))]);
      await ctx.sendMessage(ask('both'));
      const reply = await ctx.ask(ask('find'));
      ctx.sendMessage(`You said ${reply.kind === 'message' ? reply.text : reply.kind}`);
    };
    await replayTwice(pipeline, ['Go', 'yes', 'fine'], { llm: { model } });
    assert.equal(keys.length, 5);
    const turns = await runPipeline(pipeline, ['Go', 'yes', 'fine'], { llm: { model } });
    const found = 'Let me see.\n\nThat is all.';
    assert.deepEqual(
      turns.map(({ messages }) => messages),
      [
        [found, found, 'I look, and refund.', 'Shall I refund order 7?'],
        ['That is all.', found],
        ['You said fine'],
      ],
    );
  });

  test('its process dies between two rounds: the next one goes on, and its listeners get all of it', async () => {
    using file = freshSqlite();
    const keys: string[] = [];
    const tools = toolsOf(keys);
    const silent = Promise.withResolvers<void>();
    const hanging = {
      ...scriptedModel([FIND]),
      doStream: hangsAfter(scriptedModel([FIND]), silent.resolve),
    };
    const appWith = (model: ScriptedModel): JimsApp =>
      defineApp({
        durable: true,
        store: file.url,
        llm: { model },
        pipeline: (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools })),
      });
    const first = appWith(hanging);
    const run = await first.runs.start({ contactId: 'c', message: 'What is order 7?' });
    await silent.promise;
    await first.close();

    const model = scriptedModel(['It costs 900.']);
    const inRound2 = Promise.withResolvers<void>();
    const listening = Promise.withResolvers<void>();
    await using second = appWith({
      ...model,
      async doStream(options) {
        inRound2.resolve();
        await listening.promise;
        return model.doStream(options);
      },
    });
    await second.open();
    await inRound2.promise;
    const again = await foundRun(second, run.id);
    const events: NumberedRunEvent[] = [];
    for await (const event of again.listen()) {
      events.push(event);
      // What is kept comes before anything new is made.
      if (event.type === 'delta') listening.resolve();
    }
    assert.deepEqual(deltasOf(events), ['Let me see.', '\n\nIt ', 'costs ', '900.']);
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'tool' ? [event.tool.status] : [])),
      ['running', 'completed'],
    );
    const { events: stored } = await resultOf(again);
    assert.deepEqual(contentsOf(stored), ['Let me see.\n\nIt costs 900.']);
    assert.equal(keys.length, 1);
    assert.deepEqual(
      model.requests.map(({ prompt }) => prompt.map(({ role }) => role)),
      [['user', 'assistant', 'tool']],
    );
  });

  test('a tool that was under way when its process died is called again, with the same key', async () => {
    using file = freshSqlite();
    const keys: string[] = [];
    const begun = Promise.withResolvers<void>();
    const appWith = (model: ScriptedModel, execute: RunTool['execute']): JimsApp =>
      defineApp({
        durable: { models: false },
        store: file.url,
        llm: { model },
        pipeline: (ctx) =>
          ctx.sendMessage(
            ctx.llm.run(ctx.context(), { tools: { find: { description: 'x', execute } } }),
          ),
      });
    const first = appWith(scriptedModel([FIND]), (_, { idempotencyKey }) => {
      keys.push(idempotencyKey);
      begun.resolve();
      return new Promise(() => {});
    });
    const run = await first.runs.start({ contactId: 'c', message: 'What is order 7?' });
    await begun.promise;
    await first.close();
    await using second = appWith(scriptedModel(['It costs 900.']), (_, { idempotencyKey }) => {
      keys.push(idempotencyKey);
      return 900;
    });
    await second.open();
    await resultOf(await foundRun(second, run.id));
    assert.equal(keys.length, 2);
    assert.equal(keys[0], `${run.id}/find/1`);
    assert.equal(keys[1], keys[0]);
  });

  test('code that takes another way is found', async () => {
    using file = freshSqlite();
    const silent = Promise.withResolvers<void>();
    const model = {
      ...scriptedModel([]),
      doStream: hangsAfter(scriptedModel([FIND]), silent.resolve),
    };
    const of = (pipeline: Pipeline, llm: ScriptedModel): JimsApp =>
      defineApp({ durable: true, store: file.url, llm: { model: llm }, pipeline });
    const first = of(
      (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: toolsOf([]) })),
      model,
    );
    const run = await first.runs.start({ contactId: 'c', message: 'What is order 7?' });
    await silent.promise;
    await first.close();
    await using second = of((ctx) => ctx.sendMessage('Hello'), scriptedModel([]));
    await second.open();
    const end = await (await foundRun(second, run.id)).end;
    assert.ok(end.type === 'error');
    assert.equal(end.error.code, 'pipeline_changed');
  });
});

test('a tool that fails is logged, and a call that cannot be made', async () => {
  const find: RunTool<Order> = {
    description: 'Finds an order',
    schema: Order,
    execute: () => Promise.reject(new Error('The shop is closed')),
  };
  const calls = [
    { name: 'find', input: { id: '7' } },
    { name: 'find', input: {} },
    { name: 'seek', input: {} },
  ];
  const warnings: unknown[] = [];
  const ignore = (): void => {};
  const warn = (fields: object, text: string): void => {
    const { tool, error }: { tool?: string; error?: { message: string } } = fields;
    warnings.push([text, tool, error?.message]);
  };
  using file = freshSqlite();
  const app = defineApp({
    store: file.url,
    llm: { model: scriptedModel([{ calls }, 'Sorry']) },
    pipeline: (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find } })),
  });
  await app.open({ logger: { debug: ignore, info: ignore, warn, error: ignore } });
  await resultOf(await app.runs.start({ contactId: 'anna', message: 'Where?' }));
  await app.close();
  assert.deepEqual(warnings, [
    [
      'a tool failed',
      'find',
      'The arguments do not fit: id: Invalid input: expected string, received undefined',
    ],
    ['a tool failed', 'seek', "There is no tool 'seek', only: find"],
    ['a tool failed', 'find', 'The shop is closed'],
  ]);
});

describe('tools that the contact approves', () => {
  for (const durable of [true, false]) {
    test(`yes: in another process, with the rest done first${durable ? '; durable' : ''}`, async () => {
      using file = freshSqlite();
      const keys: string[] = [];
      const model = scriptedModel([BOTH, 'Refunded.', 'You are welcome.']);
      const say = async (message: string): Promise<readonly [RunResult, NumberedRunEvent[]]> => {
        await using app = defineApp({
          durable,
          store: file.url,
          llm: { model },
          pipeline: (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: toolsOf(keys) })),
        });
        const run = await app.runs.start({ contactId: 'c', message });
        const events = await newsOf(run);
        return [await resultOf(run), events];
      };
      const [asked, before] = await say('Refund order 7');
      assert.equal(keys.length, 1);
      assert.deepEqual(contentsOf(asked.events), [
        'I look, and refund.',
        'Shall I refund order 7?',
      ]);
      assert.deepEqual(asked.question?.buttons, [
        { id: 'yes', text: 'Yes' },
        { id: 'no', text: 'No' },
      ]);
      assert.equal(asked.question?.name, 'approve refund');
      assert.deepEqual(deltasOf(before), ['I ', 'look, ', 'and ', 'refund.']);

      const [done, after] = await say('yes');
      assert.equal(keys.length, 2);
      assert.deepEqual(deltasOf(after), ['Refunded.']);
      assert.deepEqual(
        after.flatMap((event) => (event.type === 'tool' ? [event.tool] : [])),
        [
          {
            id: 'call-1-1',
            name: 'refund',
            title: 'Refund order 7',
            status: 'running',
            input: { id: '7' },
          },
          {
            id: 'call-1-1',
            name: 'refund',
            title: 'Refund order 7',
            status: 'completed',
            output: 'refunded',
          },
        ],
      );
      assert.deepEqual(contentsOf(done.events), ['Refunded.']);
      assert.equal(model.requests.length, 2);

      // In the log the results are far from their calls; a model gets them side by side.
      await say('Thanks');
      assert.deepEqual(
        model.requests[2]?.prompt.map(({ role }) => role),
        [
          'user',
          'assistant',
          'tool',
          'tool',
          'assistant',
          'assistant',
          'user',
          'assistant',
          'user',
        ],
      );
    });
  }

  for (const [answer, sent] of [
    ['no', /"The user said no: this was not done"/],
    ['Better only half of it', /They said: Better only half of it/],
  ] as const) {
    test(`'${answer}' goes to the model, and nothing is called`, async () => {
      const keys: string[] = [];
      const model = scriptedModel([{ calls: [{ name: 'refund', input: { id: '7' } }] }, 'Fine.']);
      const [asked, done] = await runPipeline(
        (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: toolsOf(keys) })),
        ['Refund order 7', answer],
        { llm: { model } },
      );
      assert.deepEqual(asked?.messages, ['Shall I refund order 7?']);
      assert.deepEqual(done?.messages, ['Fine.']);
      assert.deepEqual(keys, []);
      assert.match(JSON.stringify(lastPrompt(model)).replaceAll('\\"', '"'), sent);
      assert.deepEqual(
        done?.tools.map(({ status }) => status),
        ['failed'],
      );
    });
  }

  test('the buttons may be in another language; whether it is asked, depends on the input', async () => {
    const keys: string[] = [];
    const refund: RunTool<Order> = {
      ...toolsOf(keys).refund,
      needsApproval: ({ id }) => id === '7',
    };
    const call = (id: string): ScriptedAnswer => ({ calls: [{ name: 'refund', input: { id } }] });
    const model = scriptedModel([call('1'), call('7'), 'Erledigt.']);
    const [asked, done] = await runPipeline(
      (ctx) =>
        ctx.sendMessage(
          ctx.llm.run(ctx.context(), {
            tools: { refund },
            approvalButtons: { yes: 'Ja', no: 'Nein' },
          }),
        ),
      ['Erstatten', 'Ja'],
      { llm: { model } },
    );
    assert.deepEqual(
      asked?.question?.buttons?.map(({ text }) => text),
      ['Ja', 'Nein'],
    );
    assert.equal(keys.length, 2);
    assert.deepEqual(done?.messages, ['Erledigt.']);
  });

  test('where nobody can be asked it is a no, and the model learns why', async () => {
    const keys: string[] = [];
    const tools = toolsOf(keys);
    const call: ScriptedAnswer = { calls: [{ name: 'refund', input: { id: '7' } }] };
    const pipeline: Pipeline = (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools }));
    const noClient = scriptedModel([call, 'I cannot.']);
    await using app = defineApp({ store: 'sqlite::memory:', llm: { model: noClient }, pipeline });
    const run = await app.runs.start({ contactId: 'c', message: 'Refund it', canAnswer: false });
    assert.deepEqual(contentsOf((await resultOf(run)).events), ['I cannot.']);
    assert.match(JSON.stringify(lastPrompt(noClient)), /cannot be asked here/);

    const start = scriptedModel([call, 'Hello.']);
    const [turn] = await runPipeline((ctx) => ctx.sendMessage('ok'), ['Hi'], {
      llm: { model: start },
      conversationStartPipeline: (ctx) =>
        ctx.sendMessage(ctx.llm.run([{ role: 'user', content: 'x' }], { tools })),
    });
    assert.deepEqual(turn?.messages, ['Hello.', 'ok']);

    const outside = scriptedModel([call, 'No.']);
    await using other = defineApp({ store: 'sqlite::memory:', llm: { model: outside }, pipeline });
    assert.equal(await other.llm.run([{ role: 'user', content: 'x' }], { tools }).text(), 'No.');
    assert.deepEqual(keys, []);
  });

  test('a call that was never approved is one that was interrupted, in the next turn', async () => {
    const model = scriptedModel([
      { calls: [{ name: 'refund', input: { id: '7' } }] },
      'Hello again.',
    ]);
    await using app = defineApp({
      store: 'sqlite::memory:',
      llm: { model },
      pipeline: (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: toolsOf([]) })),
    });
    await resultOf(await app.runs.start({ contactId: 'c', message: 'Refund order 7' }));
    const fresh = await app.runs.start({
      contactId: 'c',
      message: 'Something else',
      answer: { kind: 'decline' },
    });
    await resultOf(fresh);
    assert.deepEqual(
      model.requests[1]?.prompt.map(({ role }) => role),
      ['user', 'assistant', 'tool', 'assistant', 'user'],
    );
    assert.match(JSON.stringify(lastPrompt(model)), /interrupted/);
  });
});

const byLastMessage: ScriptedModel['doStream'] = async (options) => {
  const last = options.prompt.at(-1);
  const text = JSON.stringify(last?.content);
  const answer = last?.role === 'tool' ? 'That is all.' : text.includes('both') ? BOTH : FIND;
  return scriptedModel([answer]).doStream(options);
};

/** A model that hangs once it has given its answers. */
function hangsAfter(model: ScriptedModel, onHang: () => void): ScriptedModel['doStream'] {
  let isFirst = true;
  return async (options) => {
    if (isFirst) {
      isFirst = false;
      return model.doStream(options);
    }
    onHang();
    return new Promise((_resolve, reject) => {
      options.abortSignal?.addEventListener('abort', () => reject(options.abortSignal?.reason));
    });
  };
}

describe('what is sent inside of work that is done once', () => {
  const pipelines: readonly [string, Pipeline][] = [
    [
      "the step 'find'",
      async (ctx) => {
        await ctx.step('find', () => ctx.sendMessage('Found'));
        await ctx.ask('More?');
      },
    ],
    [
      'a streamed message',
      async (ctx) => {
        await ctx.sendMessage(
          (async function* () {
            ctx.setState('cart', { size: 1 });
            yield 'Added';
          })(),
        );
        await ctx.ask('More?');
      },
    ],
  ];
  for (const durable of [true, false]) {
    const when = durable ? 'at once in a durable app' : 'where the pipeline asks in another one';
    test(`is refused, as no replay would send it: ${when}`, async () => {
      for (const [where, pipeline] of pipelines) {
        const user = testUser(defineApp({ durable, pipeline }));
        const { error } = await user.say('hi', { expectError: true });
        assert.ok(isJimsError(error) && error.code === 'step_nested');
        assert.match(
          error.message,
          new RegExp(`^'(?:comm|state).* is sent inside ${where}, which`),
        );
      }
    });
  }
});
