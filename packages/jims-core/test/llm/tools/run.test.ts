// ctx.llm.run in pipelines: rounds, tools, what is kept, and what the next turn knows.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { defineApp, isRunEnd } from 'jims-core';
import type { JimsApp, Pipeline } from 'jims-core';
import type { AnswerPart, RunRound, RunSoFar } from 'jims-core/llm';
import { scriptedModel } from 'jims-core/testing';
import type { ScriptedAnswer, ScriptedModel } from 'jims-core/testing';
import { z } from 'zod';

import { runPipeline } from '../../support/run-pipeline.ts';
import type { PipelineTurn } from '../../support/run-pipeline.ts';

const Id = z.object({ id: z.string() });
const CALL: ScriptedAnswer = { calls: [{ name: 'find', input: { id: '7' } }] };
const find = {
  description: 'Finds an order',
  schema: Id,
  execute: ({ id }: { readonly id: string }) => ({ id, state: 'sent' }),
};

interface Turn extends PipelineTurn {
  readonly model: ScriptedModel;
}

/** One message to a pipeline whose model gives these answers. */
async function turnOf(pipeline: Pipeline, answers: readonly ScriptedAnswer[]): Promise<Turn> {
  const model = scriptedModel(answers);
  const [turn] = await runPipeline(pipeline, ['Where is order 7?'], {
    llm: { model, retryBaseMs: 1 },
  });
  assert.ok(turn);
  if (turn.end.type === 'error') throw turn.end.error.cause ?? turn.end.error;
  return { ...turn, model };
}

/** The results of tools that a model got with one of its requests. */
function resultsIn({ requests }: ScriptedModel, at: number): unknown[] {
  return (requests[at]?.prompt ?? []).flatMap(({ role, content }) =>
    role === 'tool'
      ? content.map((part) =>
          part.type === 'tool-result' ? Reflect.get(part.output, 'value') : part,
        )
      : [],
  );
}

const rolesIn = ({ requests }: ScriptedModel, at: number): unknown[] =>
  (requests[at]?.prompt ?? []).map(({ role }) => role);

function typesOf({ sent }: PipelineTurn): string[] {
  return sent.map(({ type }) => type);
}

async function say(app: JimsApp, message: string): ReturnType<JimsApp['runs']['start']> {
  return app.runs.start({ contactId: 'c', message });
}

describe('ctx.llm.run', () => {
  test('streams the text of all rounds as one message, with the calls before it', async () => {
    const turn = await turnOf(
      async (ctx) => {
        const answer = ctx.llm.run(ctx.context(), { tools: { find } });
        assert.equal(await ctx.sendMessage(answer), 'Let me look.\n\nIt was sent.');
        assert.equal(answer.finishReason, 'stop');
      },
      [{ text: 'Let me look.', ...CALL }, 'It was sent.'],
    );
    assert.equal(turn.model.requests.length, 2);
    assert.deepEqual(turn.deltas, ['Let ', 'me ', 'look.', '\n\nIt ', 'was ', 'sent.']);
    const call = {
      id: 'call-1-1',
      type: 'function',
      function: { name: 'find', arguments: '{"id":"7"}' },
    };
    const result = { role: 'tool', tool_call_id: 'call-1-1', content: '{"id":"7","state":"sent"}' };
    assert.deepEqual(
      turn.sent.map(({ type, data }) => [type, data]),
      [
        ['context.tool_call', { role: 'assistant', content: '', tool_calls: [call] }],
        ['context.tool_result', result],
        ['comm.assistant_message', { role: 'assistant', content: 'Let me look.\n\nIt was sent.' }],
      ],
    );
    assert.deepEqual(turn.tools, [
      { id: 'call-1-1', name: 'find', status: 'running', input: { id: '7' } },
      { id: 'call-1-1', name: 'find', status: 'completed', output: { id: '7', state: 'sent' } },
    ]);
    assert.deepEqual(turn.steps, []);
  });

  test('the first word of the last answer comes while the model is still writing', async () => {
    const seen = Promise.withResolvers<void>();
    const model = scriptedModel([CALL, 'Sent yesterday.']);
    const slow: ScriptedModel = {
      ...model,
      async doStream(options) {
        const { stream } = await model.doStream(options);
        const gate = new TransformStream<LanguageModelV4StreamPart, LanguageModelV4StreamPart>({
          async transform(part, controller) {
            if (part.type === 'text-delta' && part.delta === 'yesterday.') await seen.promise;
            controller.enqueue(part);
          },
        });
        return { stream: stream.pipeThrough(gate) };
      },
    };
    await using app = defineApp({
      store: 'sqlite::memory:',
      durable: true,
      llm: { model: slow },
      pipeline: (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find } })),
    });
    const deltas: string[] = [];
    for await (const event of (await say(app, 'Where?')).listen()) {
      if (event.type === 'delta') deltas.push(event.delta);
      if (deltas.length === 1) seen.resolve();
      if (isRunEnd(event)) assert.equal(event.type, 'result');
    }
    assert.deepEqual(deltas, ['Sent ', 'yesterday.']);
  });

  test('the tools of a round run at the same time, and the model gets results in its own order', async () => {
    const both = Promise.withResolvers<void>();
    let waiting = 0;
    const meet = {
      ...find,
      async execute({ id }: { readonly id: string }) {
        if (++waiting === 2) both.resolve();
        await both.promise;
        return `met ${id}`;
      },
    };
    const turn = await turnOf(
      (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { meet } })),
      [
        {
          calls: [
            { name: 'meet', input: { id: 'a' } },
            { name: 'meet', input: { id: 'b' } },
          ],
        },
        'Done',
      ],
    );
    assert.deepEqual(resultsIn(turn.model, 1), ['met a', 'met b']);
    assert.deepEqual(rolesIn(turn.model, 1), ['user', 'assistant', 'tool', 'tool']);
  });

  test('what goes wrong with a call goes to the model, which may try again', async () => {
    const broken = {
      ...find,
      execute: () => {
        throw new Error(`No connection ${'x'.repeat(10_000)}`);
      },
    };
    const circle: { self?: object } = {};
    circle.self = circle;
    const odd = { description: 'Gives a circle', execute: () => circle };
    const rounds: RunRound[] = [];
    const turn = await turnOf(
      (ctx) =>
        ctx.sendMessage(
          ctx.llm.run(ctx.context(), {
            tools: { find, broken, odd },
            onRound: (round) => rounds.push(round),
          }),
        ),
      [
        {
          calls: [
            { name: 'constructor' },
            { name: 'find', input: '{"id": 7' },
            { name: 'find', input: { id: 7 } },
            { name: 'broken', input: { id: '1' } },
            { name: 'odd' },
            { name: 'find', input: { id: '7' } },
          ],
        },
        'I am sorry.',
      ],
    );
    const results = resultsIn(turn.model, 1).map(String);
    const errors = results.slice(0, 4).map((json) => String(JSON.parse(json).error));
    assert.match(errors[0] ?? '', /There is no tool 'constructor', only: find, broken, odd/);
    assert.match(errors[1] ?? '', /not a JSON object/);
    assert.match(errors[2] ?? '', /The arguments do not fit: id: .*string/);
    assert.match(errors[3] ?? '', /^No connection x+… \(\d+ more characters\)$/);
    assert.ok((errors[3] ?? '').length < 4200);
    assert.match(results[4] ?? '', /circular/i);
    assert.equal(results[5], '{"id":"7","state":"sent"}');
    assert.deepEqual(turn.messages, ['I am sorry.']);
    assert.deepEqual(
      rounds.map(({ round, text, finishReason, calls }) => [
        round,
        text,
        finishReason,
        calls.length,
      ]),
      [
        [1, '', 'tool_calls', 6],
        [2, 'I am sorry.', 'stop', 0],
      ],
    );
    assert.deepEqual(
      rounds[0]?.calls.map(({ error }) => error !== undefined),
      [true, true, true, true, true, false],
    );
  });

  test('a null for what a model leaves out fits, as it does in strict mode', async () => {
    const seen: unknown[] = [];
    const tool = {
      description: 'Counts',
      schema: z.object({ from: z.int().optional() }),
      execute: (input: object) => void seen.push(input),
    };
    const turn = await turnOf(
      (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { tool } })),
      [{ calls: [{ name: 'tool', input: { from: null } }] }, 'ok'],
    );
    assert.deepEqual(seen, [{}]);
    assert.deepEqual(resultsIn(turn.model, 1), ['done']);
  });

  test('an output of more than 16 KiB is cut, and says so', async () => {
    const tool = { description: 'Reads', execute: () => 'word '.repeat(10_000) };
    const turn = await turnOf(
      (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { tool } })),
      [{ calls: [{ name: 'tool' }] }, 'ok'],
    );
    const [result = ''] = resultsIn(turn.model, 1).map(String);
    assert.match(result, /… \(33616 more characters\)$/);
    assert.ok(result.length < 16_500);
  });

  test('after maxRounds the model must answer without tools', async () => {
    const pipeline: Pipeline = (ctx) =>
      ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find }, maxRounds: 2 }));
    const turn = await turnOf(pipeline, [CALL, CALL, 'That is all I know.']);
    assert.deepEqual(
      turn.model.requests.map(({ toolChoice, tools }) => [toolChoice?.type, tools?.length]),
      [
        [undefined, 1],
        [undefined, 1],
        ['none', 1],
      ],
    );
    assert.deepEqual(turn.messages, ['That is all I know.']);
    await assert.rejects(turnOf(pipeline, [CALL, CALL, CALL]), {
      code: 'llm_answer_invalid',
      message: /after maxRounds rounds/,
    });
  });

  test('stopWhen ends it after the tools, without another answer', async () => {
    const seen: RunSoFar[] = [];
    const stopWhen = (soFar: RunSoFar): boolean => {
      seen.push(soFar);
      return soFar.calls.some(({ name }) => name === 'find');
    };
    const pipeline: Pipeline = (ctx) =>
      ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find }, stopWhen }));
    const silent = await turnOf(pipeline, [CALL]);
    assert.deepEqual(typesOf(silent), ['context.tool_call', 'context.tool_result']);
    assert.deepEqual(seen, [
      {
        rounds: 1,
        text: '',
        calls: [
          {
            id: 'call-1-1',
            name: 'find',
            input: { id: '7' },
            output: { id: '7', state: 'sent' },
          },
        ],
      },
    ]);
    const said = await turnOf(pipeline, [{ text: 'Look:', ...CALL }]);
    assert.deepEqual(said.messages, ['Look:']);
  });

  test('what the model thinks is shown, and kept when that is wanted', async () => {
    const turn = await turnOf(
      async (ctx) => {
        const options = { tools: { find } };
        await ctx.sendMessage(ctx.llm.run(ctx.context(), options), { keepReasoning: true });
        await ctx.sendMessage(ctx.llm.run(ctx.context()));
      },
      [
        { reasoning: 'An order. ', ...CALL },
        { reasoning: 'Well.', text: 'Sent.' },
        { reasoning: 'Hm.', text: 'Yes.' },
      ],
    );
    assert.deepEqual(
      turn.sent.filter(({ type }) => type.startsWith('comm.')).map(({ data }) => data),
      [
        { role: 'assistant', content: 'Sent.', reasoning: 'An order. Well.' },
        { role: 'assistant', content: 'Yes.' },
      ],
    );
    assert.deepEqual(turn.deltas, ['Sent.', 'Yes.']);
  });

  test('a message may have sources beside it', async () => {
    const source = { url: 'https://example.com/orders', title: 'Orders' };
    const turn = await turnOf(
      (ctx) =>
        ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find } }), { sources: [source] }),
      [CALL, 'Sent.'],
    );
    assert.deepEqual(turn.sent.at(-1)?.data, {
      role: 'assistant',
      content: 'Sent.',
      sources: [source],
    });
  });

  test('white space before calls is not sent, and an answer may be empty after text', async () => {
    const turn = await turnOf(
      (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find } })),
      [{ text: '\n\n', ...CALL }, { text: 'Sent. See above.', ...CALL }, ''],
    );
    assert.deepEqual(turn.messages, ['Sent. See above.']);
    assert.equal(turn.deltas.join(''), 'Sent. See above.');
  });

  test('the next turn knows what the tools gave, whatever part of the log it looks at', async () => {
    const model = scriptedModel([CALL, 'It was sent.', 'Yesterday.', 'At noon.']);
    const pipeline: Pipeline = (ctx) =>
      ctx.sendMessage(ctx.llm.run(ctx.context(3), { tools: { find } }));
    const messages = ['Where is order 7?', 'When was that?', 'And the time?'];
    await runPipeline(pipeline, messages, { llm: { model, retryBaseMs: 1 } });
    assert.deepEqual(rolesIn(model, 2), ['user', 'assistant', 'tool', 'assistant', 'user']);
    assert.deepEqual(resultsIn(model, 2), ['{"id":"7","state":"sent"}']);
    // Its window begins at the message that came after the calls.
    assert.deepEqual(rolesIn(model, 3), ['user', 'assistant', 'user']);
  });

  test('a pipeline may read it by itself: the text, or the parts', async () => {
    const turn = await turnOf(
      async (ctx) => {
        const answer = ctx.llm.run(ctx.context(), { tools: { find } });
        assert.equal(await answer.text(), 'Look:\n\nSent.');
        assert.deepEqual(
          answer.messages.map(({ role }) => role),
          ['assistant', 'tool', 'assistant'],
        );
        const parts: unknown[] = [];
        for await (const part of ctx.llm.run(ctx.context(), { tools: { find } })) parts.push(part);
        assert.deepEqual(parts, [
          { type: 'tool-call', id: 'call-3-1', name: 'find', input: { id: '7' } },
          { type: 'tool-result', id: 'call-3-1', output: { id: '7', state: 'sent' } },
          { type: 'text', text: 'Really.' },
        ]);
        ctx.sendMessage('ok');
      },
      [{ text: 'Look:', ...CALL }, 'Sent.', CALL, 'Really.'],
    );
    assert.deepEqual(turn.deltas, []);
    assert.deepEqual(
      turn.tools.map(({ status }) => status),
      ['running', 'completed', 'running', 'completed'],
    );
  });

  test('a reader that leaves makes no call', async () => {
    let calls = 0;
    const count = { description: 'Counts', execute: () => ++calls };
    await turnOf(
      async (ctx) => {
        for await (const part of ctx.llm.run(ctx.context(), { tools: { count } })) {
          assert.equal(part.type, 'tool-call');
          break;
        }
      },
      [{ calls: [{ name: 'count' }] }],
    );
    assert.equal(calls, 0);
  });

  test('in a step it is a part of the step; in a generator, of the message', async () => {
    const turn = await turnOf(
      async (ctx) => {
        const found = await ctx.step('research', () =>
          ctx.llm.run([{ role: 'user', content: 'x' }], { tools: { find } }).text(),
        );
        async function* wrapped(): AsyncGenerator<string | AnswerPart> {
          yield `${found} `;
          yield* ctx.llm.run(ctx.context(), { tools: { find } });
        }
        await ctx.sendMessage(wrapped());
      },
      [CALL, 'Found it.', CALL, 'Sent.'],
    );
    assert.deepEqual(turn.messages, ['Found it. Sent.']);
    assert.deepEqual(
      turn.steps.map(({ name, status }) => [name, status]),
      [
        ['research', 'running'],
        ['research', 'completed'],
      ],
    );
    assert.deepEqual(typesOf(turn), [
      'context.tool_call',
      'context.tool_result',
      'comm.assistant_message',
    ]);
  });

  test('the run waits for a message that its pipeline does not wait for, and fails with it', async () => {
    const pipeline: Pipeline = (ctx) => {
      void ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find } }));
    };
    const turn = await turnOf(pipeline, [CALL, 'Sent.']);
    assert.deepEqual(turn.messages, ['Sent.']);
    await assert.rejects(turnOf(pipeline, [CALL]), { code: 'llm_failed' });
  });

  test('an answer that is read already cannot be sent', async () => {
    await turnOf(
      async (ctx) => {
        const answer = ctx.llm.run(ctx.context());
        await answer.text();
        await assert.rejects(ctx.sendMessage(answer), { code: 'invalid_event' });
      },
      ['Hello'],
    );
  });

  test('a step inside of a tool is a mistake of the app, which fails the run', async () => {
    await assert.rejects(
      turnOf(
        (ctx) => {
          const tool = { description: 'x', execute: () => ctx.step('inner', () => 1) };
          return ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { tool } }));
        },
        [{ calls: [{ name: 'tool' }] }, 'ok'],
      ),
      { code: 'step_nested' },
    );
  });

  test('cancelling a run stops its tool; the text that was seen is kept', async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    const wait = {
      description: 'Waits',
      execute: (_: unknown, { signal }: { readonly signal: AbortSignal }) => {
        begun.resolve(signal);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      },
    };
    const model = scriptedModel([{ text: 'One moment.', calls: [{ name: 'wait' }] }]);
    await using app = defineApp({
      store: 'sqlite::memory:',
      llm: { model },
      pipeline: (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { wait } })),
    });
    const run = await say(app, 'Hello');
    const signal = await begun.promise;
    run.cancel();
    const end = await run.end;
    assert.equal(signal.aborted, true);
    assert.equal(model.requests.length, 1);
    assert.ok(end.type === 'cancelled');
    assert.deepEqual(
      end.events.map(({ data }) => data),
      [{ role: 'assistant', content: 'One moment.', partial: true }],
    );
  });

  test('tools that no provider takes are refused before anything is sent', async () => {
    const execute = (): string => 'x';
    const wrong: readonly (readonly [RegExp, object])[] = [
      [/cannot be called 'find order'/, { tools: { 'find order': { description: 'x', execute } } }],
      [/needs a description/, { tools: { find: { execute } } }],
      [
        /give it an approvalText/,
        { tools: { pay: { description: 'x', execute, needsApproval: true } } },
      ],
      [/that of an object/, { tools: { find: { description: 'x', execute, schema: z.string() } } }],
      [/maxRounds/, { maxRounds: 0 }],
    ];
    await turnOf(async (ctx) => {
      for (const [message, options] of wrong) {
        const answer = ctx.llm.run(ctx.context(), options);
        await assert.rejects(answer.text(), { code: 'llm_input_invalid', message });
      }
    }, []);
  });
});
