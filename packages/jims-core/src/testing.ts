// jims-core/testing: pipelines in tests.
import { defineApp } from './app/app.ts';
import type { JimsAppOptions } from './app/options.ts';
import type { Pipeline } from './pipeline/pipeline.ts';
import type { AgentStatus } from './pipeline/thread-context.ts';
import { isRunEnd } from './run/run-events.ts';
import type { RunEnd } from './run/run-events.ts';
import type { Run } from './run/run.ts';
import { STATE_PREFIX, USER_MESSAGE, newEvent } from './thread/event.ts';
import type { JsonObject, NewEvent, ThreadEvent } from './thread/event.ts';

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
  /** The pieces of streamed messages, in order. */
  readonly deltas: readonly string[];
  /** The states of the thread after the run, by their names. */
  readonly state: Readonly<Record<string, JsonObject>>;
  /** How the run ended: with a `result`, or with the `error` whose `cause` the pipeline threw. */
  readonly end: RunEnd;
}

/**
 * Runs a pipeline on messages of one thread, one after another, as a service would: in an app of its own
 * with its store in memory. Gives a turn for each message. A message is what the user says, or an event
 * by `newEvent`, such as a click on a button.
 *
 * @example
 * ```ts
 * const [hello] = await runPipeline((ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`), ['Hello']);
 * assert.deepEqual(hello?.messages, ['You said: Hello']);
 * ```
 */
export async function runPipeline(
  pipeline: Pipeline,
  messages: readonly (string | NewEvent)[],
  { contactId = 'test', threadConfig = {}, ...options }: RunPipelineOptions = {},
): Promise<readonly PipelineTurn[]> {
  const app = defineApp({ ...options, pipeline, store: 'sqlite::memory:' });
  try {
    const turns: PipelineTurn[] = [];
    for (const message of messages) {
      const run = await app.runs.start({
        thread: { kind: 'latest', contactId, threadConfig },
        incoming: typeof message === 'string' ? userMessage(message) : message,
        conversationStart: options.conversationStartPipeline !== undefined,
      });
      const turn = await observe(run);
      turns.push({ ...turn, state: await stateOf(app.threads.allEvents(run.thread)) });
    }
    return turns;
  } finally {
    await app.close();
  }
}

function userMessage(content: string): NewEvent {
  return newEvent(USER_MESSAGE, { role: 'user', content });
}

async function observe(run: Run): Promise<Omit<PipelineTurn, 'state'>> {
  const sent: NewEvent[] = [];
  const statuses: AgentStatus[] = [];
  const deltas: string[] = [];
  for await (const event of run.listen()) {
    if (event.type === 'event') sent.push(event.event);
    if (event.type === 'status') statuses.push(event.status);
    if (event.type === 'delta') deltas.push(event.delta);
    if (isRunEnd(event)) break;
  }
  const messages = sent
    .filter(({ type }) => type.startsWith('comm.'))
    .map(({ data }) => String(data['content']));
  return { sent, messages, statuses, deltas, end: await run.end };
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
