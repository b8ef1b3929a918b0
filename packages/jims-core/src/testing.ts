// jims-core/testing: pipelines in tests.
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from './app/app.ts';
import type { JimsApp } from './app/app.ts';
import type { JimsAppOptions } from './app/options.ts';
import type { ToolNews } from './pipeline/message-part.ts';
import type { Pipeline } from './pipeline/pipeline.ts';
import type { StepNews } from './pipeline/step.ts';
import type { AgentStatus } from './pipeline/thread-context.ts';
import { isRunEnd } from './run/run-events.ts';
import type { RunEnd } from './run/run-events.ts';
import type { Run } from './run/run.ts';
import { openStore } from './store/open-store.ts';
import type { QuestionRecord, RunStatus } from './store/store.ts';
import { TwiceStore } from './testing/twice.ts';
import { STATE_PREFIX, USER_MESSAGE, newEvent } from './thread/event.ts';
import type { JsonObject, NewEvent, ThreadEvent } from './thread/event.ts';

export { fakeModel } from './testing/fake-model.ts';
export type { FakeAnswer, FakeModel } from './testing/fake-model.ts';

/** Options of `runPipeline`. */
export interface RunPipelineOptions extends Pick<
  JimsAppOptions,
  'conversationStartPipeline' | 'llm'
> {
  /** Default: `test`. */
  readonly contactId?: string;
  /** The config of the thread. Default: `{}`. */
  readonly threadConfig?: JsonObject;
}

/** One message to a pipeline, and what came of it. */
export interface PipelineTurn {
  /** The events that the pipeline sent, in order; of a run that failed: what it sent before it failed. */
  readonly sent: readonly NewEvent[];
  /** The content of the messages among them. */
  readonly messages: readonly string[];
  readonly statuses: readonly AgentStatus[];
  /** The news of its steps: that they began, and how they ended. */
  readonly steps: readonly StepNews[];
  /** The question that it waits for now. */
  readonly question: QuestionRecord | undefined;
  /** The pieces of streamed messages, in order. */
  readonly deltas: readonly string[];
  /** What models thought for its messages. */
  readonly reasoning: string;
  /** The news of the tools that were called for its messages. */
  readonly tools: readonly ToolNews[];
  /** The states of the thread after the run, by their names. */
  readonly state: Readonly<Record<string, JsonObject>>;
  /** How the run ended: with a `result`, or with the `error` whose `cause` the pipeline threw. */
  readonly end: RunEnd;
}

/** What a test says to a pipeline: a message, an event such as a click, or a service's answer to its question. */
export type TestMessage = string | NewEvent | TestAnswer;

/** The answer of a service to the open question with this name. */
export interface TestAnswer {
  readonly to: string;
  readonly value: unknown;
}

/**
 * Runs a pipeline on messages of one thread, one after another, as a service would: in an app of its own
 * with its store in memory. Gives a turn for each message. A message is what the user says, or an event
 * by `newEvent`, such as a click on a button, or the answer of a service.
 *
 * @example
 * ```ts
 * const [hello] = await runPipeline((ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`), ['Hello']);
 * assert.deepEqual(hello?.messages, ['You said: Hello']);
 * ```
 */
export async function runPipeline(
  pipeline: Pipeline,
  messages: readonly TestMessage[],
  { contactId = 'test', threadConfig = {}, ...options }: RunPipelineOptions = {},
): Promise<readonly PipelineTurn[]> {
  const app = defineApp({ ...options, pipeline, store: 'sqlite::memory:' });
  const talk = new Talk(app, { contactId, threadConfig });
  try {
    const turns: PipelineTurn[] = [];
    for (const message of messages) {
      const run = await talk.say(message, options.conversationStartPipeline !== undefined);
      const turn = await observe(run);
      turns.push({ ...turn, state: await stateOf(app.threads.allEvents(run.thread)) });
    }
    return turns;
  } finally {
    await app.close();
  }
}

/**
 * As `runPipeline`, in a durable app whose process dies at the end of each run: every run is executed a
 * second time over the results of its steps. Rejects when that comes to anything else, and says what was
 * different: the time, a random number, or other things that a pipeline must only read in a step.
 *
 * @example
 * ```ts
 * await replayTwice(refund, ['I want my money back', 'yes', { to: 'approve', value: { approved: true } }]);
 * ```
 */
export async function replayTwice(
  pipeline: Pipeline,
  messages: readonly TestMessage[],
  { contactId = 'test', threadConfig = {}, ...options }: RunPipelineOptions = {},
): Promise<void> {
  const twice = new TwiceStore(await openStore('sqlite::memory:'));
  const { store } = twice;
  const app = defineApp({ ...options, durable: true, pipeline, store });
  const talk = new Talk(app, { contactId, threadConfig });
  try {
    for (const message of messages) {
      const run = await talk.say(message, options.conversationStartPipeline !== undefined);
      await run.end;
      while (isActive((await store.run(run.id))?.status)) await sleep(1);
      const [difference] = twice.differences;
      if (difference !== undefined) throw new Error(difference);
    }
  } finally {
    await app.close();
  }
}

/** The conversation of one contact with an app. */
class Talk {
  readonly #app: JimsApp;
  readonly #contact: { readonly contactId: string; readonly threadConfig: JsonObject };

  constructor(app: JimsApp, contact: { contactId: string; threadConfig: JsonObject }) {
    this.#app = app;
    this.#contact = contact;
  }

  async say(message: TestMessage, conversationStart: boolean): Promise<Run> {
    if (typeof message !== 'string' && 'to' in message) return this.#answer(message);
    return this.#app.runs.start({
      thread: { kind: 'latest', ...this.#contact },
      incoming: typeof message === 'string' ? userMessage(message) : message,
      conversationStart,
    });
  }

  async #answer({ to, value }: TestAnswer): Promise<Run> {
    const open = { audience: 'service', state: 'open', limit: 100 } as const;
    const { questions } = await this.#app.questions.list(open);
    const question = questions.find(({ name }) => name === to);
    if (!question) throw new Error(`The pipeline has not asked a service '${to}'`);
    return this.#app.questions.answer({ questionId: question.questionId, value });
  }
}

function isActive(status: RunStatus | undefined): boolean {
  return status === 'queued' || status === 'running';
}

function userMessage(content: string): NewEvent {
  return newEvent(USER_MESSAGE, { role: 'user', content });
}

async function observe(run: Run): Promise<Omit<PipelineTurn, 'state'>> {
  const sent: NewEvent[] = [];
  const statuses: AgentStatus[] = [];
  const deltas: string[] = [];
  const steps: StepNews[] = [];
  const tools: ToolNews[] = [];
  let reasoning = '';
  for await (const event of run.listen()) {
    if (event.type === 'event') sent.push(event.event);
    if (event.type === 'status') statuses.push(event.status);
    if (event.type === 'delta') deltas.push(event.delta);
    if (event.type === 'step') steps.push(event.step);
    if (event.type === 'tool') tools.push(event.tool);
    if (event.type === 'reasoning') reasoning += event.delta;
    if (isRunEnd(event)) break;
  }
  const messages = sent
    .filter(({ type }) => type.startsWith('comm.'))
    .map(({ data }) => String(data['content']));
  const end = await run.end;
  const question = end.type === 'result' ? end.result.question : undefined;
  return { sent, messages, statuses, steps, deltas, reasoning, tools, question, end };
}

async function stateOf(
  log: AsyncIterable<readonly ThreadEvent[]>,
): Promise<Readonly<Record<string, JsonObject>>> {
  const state = new Map<string, JsonObject>();
  for await (const events of log) {
    for (const { type, data } of events) {
      if (type.startsWith(STATE_PREFIX)) state.set(type.slice(STATE_PREFIX.length), data);
    }
  }
  return Object.fromEntries(state);
}
