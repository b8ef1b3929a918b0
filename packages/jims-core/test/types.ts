// What the types of the package promise. Nothing here runs: `npm run check` compiles it.
import { defineApp, isRunEnd, newEvent } from 'jims-core';
import type {
  JimsApp,
  MessagePart,
  NewEvent,
  Pipeline,
  RunEnd,
  RunEvent,
  Thread,
  ThreadContext,
  ThreadEvent,
} from 'jims-core';
import { createLlmProvider, defineTool } from 'jims-core/llm';
import type { LlmProvider, RunAnswer, RunTool } from 'jims-core/llm';
import * as v from 'valibot';

import { runPipeline } from './support/run-pipeline.ts';
import type { PipelineTurn } from './support/run-pipeline.ts';

async function* parts(): AsyncGenerator<string | MessagePart> {
  yield 'See there';
  yield { type: 'source', url: 'https://shop.example/faq' };
}

/** Compiles when the type of the value is exactly the expected one. */
function expectType<TExpected>(): <TValue>(
  value: TValue,
  ...equal: Equal<TValue, TExpected> extends true ? [] : [never]
) => void {
  return () => {};
}
type Equal<A, B> = [A, B] extends [B, A] ? (IsAny<A> extends IsAny<B> ? true : false) : false;
type IsAny<T> = 0 extends 1 & T ? true : false;

export async function pipelines(ctx: ThreadContext): Promise<void> {
  expectType<JimsApp>()(defineApp((context) => context.sendMessage('Hello')));
  defineApp({ pipeline: { run: (context) => context.sendMessage('Hello') } });
  const pipeline: Pipeline = async (context) => {
    expectType<ThreadContext>()(context);
  };
  defineApp({ pipeline, conversationStartPipeline: pipeline, store: 'sqlite::memory:' });
  // @ts-expect-error a pipeline takes one context
  defineApp((_context: ThreadContext, _more: string) => {});
  // @ts-expect-error an app has a pipeline
  defineApp({ name: 'without' });
  // @ts-expect-error options are spelt right
  defineApp({ pipeline, storage: 'sqlite::memory:' });

  expectType<string | undefined>()(ctx.lastUserMessage);
  expectType<Promise<string>>()(ctx.sendMessage(ctx.llm.stream(ctx.context())));
  const sources = [{ url: 'https://shop.example/faq' }];
  expectType<void>()(ctx.sendMessage('Hello', { sources }));
  const files = [{ name: 'a.txt', mediaType: 'text/plain', data: new Uint8Array() }];
  expectType<Promise<string>>()(ctx.sendMessage('Hello', { files, sources }));
  // @ts-expect-error a message that is text has no reasoning to keep
  void ctx.sendMessage('Hello', { keepReasoning: true });
  expectType<Promise<string>>()(ctx.sendMessage(parts(), { keepReasoning: true }));
  // @ts-expect-error a file has bytes
  await ctx.sendMessage('Hello', { files: [{ name: 'a.txt', mediaType: 'text/plain' }] });
  const order = ctx.getState('order', v.object({ size: v.string() }));
  expectType<{ size: string } | undefined>()(order);
  ctx.sendMessageWithButtons('Which size?', [{ text: 'Small', id: 'small' }]);
  // @ts-expect-error a button has text
  ctx.sendMessageWithButtons('Which size?', [{ id: 'small' }]);
  // @ts-expect-error what a run has is not written to
  ctx.threadConfig = {};
}

export function tools(ctx: ThreadContext): void {
  const schema = v.object({ id: v.string() });
  const answer = ctx.llm.run(ctx.context(), {
    tools: {
      find: {
        description: 'Finds an order',
        schema,
        execute(input, { signal, idempotencyKey }) {
          expectType<{ id: string }>()(input);
          expectType<AbortSignal>()(signal);
          expectType<string>()(idempotencyKey);
        },
        title: ({ id }) => `Looking up ${id}`,
      },
      count: {
        description: 'Counts',
        schema: v.object({ from: v.number() }),
        execute: ({ from }) => expectType<number>()(from),
        needsApproval: async ({ from }) => from > 7,
        approvalText: 'Count?',
      },
      now: { description: 'Tells the time', execute: () => Date.now() },
    },
    stopWhen: ({ rounds, calls, text }) => rounds > calls.length + text.length,
    temperature: 0,
  });
  expectType<RunAnswer>()(answer);
  expectType<Promise<string>>()(ctx.sendMessage(answer));
  expectType<Promise<string>>()(ctx.sendMessage(ctx.llm.run(ctx.context())));
  // @ts-expect-error the tool takes what its schema gives
  const wrong: RunTool<{ id: string }> = { description: '', schema, execute: (id: number) => id };
  ctx.llm.run([], { tools: { wrong } });
  const alone = defineTool({
    description: 'Finds an order',
    schema,
    execute: (input) => expectType<{ id: string }>()(input),
    title: ({ id }) => id,
  });
  ctx.llm.run([], { tools: { alone } });
  // @ts-expect-error a tool says what it does
  ctx.llm.run([], { tools: { find: { schema, execute: () => 1 } } });
}

export async function apps(app: JimsApp, signal: AbortSignal): Promise<void> {
  const run = await app.runs.start({ contactId: 'customer:42', message: 'Hello', signal });
  for await (const event of run.listen()) {
    if (isRunEnd(event)) continue;
    if (event.type === 'delta') expectType<string>()(event.delta);
  }
  expectType<RunEnd>()(await run.end);
  const thread = await app.threads.getOrCreate({ contactId: 'customer:42' });
  expectType<Thread>()(thread.thread);
  expectType<ThreadEvent>()(await thread.append(newEvent('crm.note', { by: 'anna' })));
  // @ts-expect-error a thread is of a contact
  await app.threads.getOrCreate({});
  // @ts-expect-error a run has a message
  await app.runs.start({ contactId: 'customer:42' });
}

/** Every kind of event is named: a new one is a new case for its listeners. */
export function ends(event: RunEvent): string {
  switch (event.type) {
    case 'status':
      return event.status.message;
    case 'delta':
      return event.delta;
    case 'step':
      return event.step.name;
    case 'event':
      return event.event.type;
    case 'reasoning':
      return event.delta;
    case 'tool':
      return event.tool.name;
    case 'source':
      return event.source.url;
    case 'file':
      return event.file.file_id;
    case 'restarted':
      return String(event.attempt);
    case 'result':
      return String(event.result.events.length);
    case 'error':
      return event.error.code;
    case 'cancelled':
      return event.reason;
    default:
      return event satisfies never;
  }
}

export async function models(): Promise<void> {
  const llm = createLlmProvider({ model: 'openai/gpt-5' });
  expectType<LlmProvider>()(llm);
  defineApp({ pipeline: () => {}, llm });
  const turns = await runPipeline(() => {}, ['Hello', newEvent('comm.user_click', {})], { llm });
  expectType<readonly PipelineTurn[]>()(turns);
  expectType<readonly NewEvent[] | undefined>()(turns[0]?.sent);
}
