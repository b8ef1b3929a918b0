// Runs a pipeline on messages and gives all that came of it, also of runs that fail: for tests of JIMS itself.
// Apps are tested with testUser.
import { defineApp, isRunEnd, newEvent } from 'jims-core';
import type {
  AgentStatus,
  JimsApp,
  JimsAppOptions,
  JsonObject,
  NewEvent,
  Pipeline,
  QuestionRecord,
  Run,
  RunEnd,
  StepNews,
  ThreadEvent,
  ToolNews,
} from 'jims-core';
import { testUser } from 'jims-core/testing';

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

/** As `runPipeline`, in a durable app whose process dies at the end of each run: rejects with what is different. */
export async function replayTwice(
  pipeline: Pipeline,
  messages: readonly TestMessage[],
  { contactId = 'test', threadConfig = {}, ...options }: RunPipelineOptions = {},
): Promise<void> {
  const app = defineApp({ ...options, pipeline });
  const { model } = { model: undefined, ...options.llm };
  const user = testUser(app, {
    everyRunTwice: true,
    contactId,
    threadConfig,
    greet: true,
    ...(typeof model === 'object' && { model }),
  });
  await using _ = user;
  for (const message of messages) {
    if (typeof message === 'string') await user.say(message);
    else if ('to' in message) await user.waitAndAnswer(message.to, message.value);
    else await user.send(message);
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

function userMessage(content: string): NewEvent {
  return newEvent('comm.user_message', { role: 'user', content });
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
      if (type.startsWith('state.set.')) state.set(type.slice('state.set.'.length), data);
    }
  }
  return Object.fromEntries(state);
}
