import type { StandardSchemaV1 } from '@standard-schema/spec';

import { isJimsError } from '../errors/jims-error.ts';
import type { ModelUsage } from '../llm/usage.ts';
import type { ToolNews } from '../pipeline/message-part.ts';
import { stateValue } from '../pipeline/state-value.ts';
import type { StepNews } from '../pipeline/step.ts';
import { isRunEnd } from '../run/run-events.ts';
import type { RunEnd, RunEvent } from '../run/run-events.ts';
import type { Run } from '../run/run.ts';
import type { QuestionRecord } from '../store/store.ts';
import { STATE_PREFIX, eventDomain, isInternalEvent } from '../thread/event.ts';
import type { JsonObject, NewEvent, ThreadEvent } from '../thread/event.ts';

/** An event as a test compares it. */
export type SentEvent = Pick<NewEvent, 'type' | 'data'>;

/** What an app made of one message: all that came of its run. */
export class TestAnswer {
  readonly runId: string;
  /** 1; 2 when its process died, and another one went on. */
  readonly attempt: number;
  /** Everything that a listener of the run gets, in order. What follows is taken from it. */
  readonly runEvents: readonly RunEvent[];
  /** What the app said: its messages, each on lines of its own. */
  readonly text: string;
  /** The content of its messages, in order. */
  readonly messages: readonly string[];
  /** The messages of the conversation start, when it ran. */
  readonly greeting: readonly string[];
  /** The ids of the buttons under its last message with buttons, or their texts where they have no id. */
  readonly buttons: readonly string[];
  /** What it said that it was doing. */
  readonly statuses: readonly string[];
  /** Its steps in the order in which they began, each as it is now: `running`, `completed` or `failed`. */
  readonly steps: readonly StepNews[];
  /** The tools that models called, as `steps`. */
  readonly tools: readonly ToolNews[];
  /** The app's own events: not its messages, states and what is internal. */
  readonly events: readonly SentEvent[];
  /** The pieces of streamed messages, in order. */
  readonly deltas: readonly string[];
  /** What models thought for its messages. */
  readonly reasoning: string;
  /** The question that it waits for now. */
  readonly question: QuestionRecord | undefined;
  /** What models used; empty when none was called. */
  readonly usage: readonly ModelUsage[];
  /** How the run ended. */
  readonly end: RunEnd;
  /** What the pipeline threw, or else why the run failed. Only with `expectError`. */
  readonly error: Error | undefined;
  /** The states of the thread after the run, by their names; see `state`. */
  readonly states: Readonly<Record<string, JsonObject>>;

  /**
   * @internal Made by `testUser`.
   * @param log The thread after the run.
   * @param isFirst Whether what is before the message in the log is the conversation start.
   */
  constructor({ run, runEvents, end }: ObservedRun, log: readonly ThreadEvent[], isFirst: boolean) {
    // The message has the id of its run. A run that goes on in another process says nothing of its start.
    const incoming = log.findIndex(({ id }) => id === run.id);
    const started = isFirst ? log.slice(0, Math.max(0, incoming)) : [];
    const startIds = new Set(started.map(({ id }) => id));
    const sent = runEvents
      .flatMap((event) => (event.type === 'event' ? [event.event] : []))
      .filter(({ id }) => !startIds.has(id));
    this.runId = run.id;
    this.attempt = run.attempt;
    this.runEvents = runEvents;
    this.messages = textsOf(sent);
    this.text = this.messages.join('\n');
    this.greeting = textsOf(started);
    this.buttons = buttonsOf(sent) ?? [];
    this.statuses = runEvents.flatMap((event) =>
      event.type === 'status' ? [event.status.message] : [],
    );
    this.steps = newest(runEvents.flatMap((event) => (event.type === 'step' ? [event.step] : [])));
    this.tools = newest(runEvents.flatMap((event) => (event.type === 'tool' ? [event.tool] : [])));
    this.events = sent.filter(isOwn).map(({ type, data }) => ({ type, data }));
    this.deltas = runEvents.flatMap((event) => (event.type === 'delta' ? [event.delta] : []));
    this.reasoning = runEvents
      .map((event) => (event.type === 'reasoning' ? event.delta : ''))
      .join('');
    this.question = end.type === 'result' ? end.result.question : undefined;
    this.usage = (end.type === 'result' ? end.result.usage : undefined) ?? [];
    this.end = end;
    this.error = end.type === 'error' ? errorOf(end.error) : undefined;
    this.states = statesOf(log);
  }

  /**
   * Gives a state of the thread after the run, as `ctx.getState` would in the next one; `undefined` when it
   * was never set.
   *
   * @throws JimsError `invalid_state` for a state that does not fit the schema.
   */
  state(name: string): JsonObject | undefined;
  state<T>(name: string, schema: StandardSchemaV1<unknown, T>): T | undefined;
  state<T>(name: string, schema?: StandardSchemaV1<unknown, T>): T | JsonObject | undefined {
    const data = this.states[name];
    return data && schema ? stateValue(name, data, schema) : data;
  }
}

/** A run that is over, and what its listeners got. */
export interface ObservedRun {
  readonly run: Run;
  readonly runEvents: readonly RunEvent[];
  readonly end: RunEnd;
}

/** Listens to a run to its end. */
export async function observed(run: Run): Promise<ObservedRun> {
  const runEvents: RunEvent[] = [];
  for await (const event of run.listen()) {
    runEvents.push(event);
    if (isRunEnd(event)) break;
  }
  return { run, runEvents, end: await run.end };
}

/** The ids of the buttons of the newest message that has any, or their texts where they have no id. */
function buttonsOf(events: readonly SentEvent[]): readonly string[] | undefined {
  return buttonsIn(events)?.map(({ id, text }) => String(id ?? text));
}

/** The buttons of the newest message that has any. */
export function buttonsIn(events: readonly SentEvent[]): readonly JsonObject[] | undefined {
  const lists: unknown[] = events.map(({ data }) => data['buttons']);
  const last = lists.findLast((buttons) => Array.isArray(buttons));
  return Array.isArray(last)
    ? last.map((button: unknown): JsonObject => Object(button))
    : undefined;
}

function textsOf(events: readonly SentEvent[]): readonly string[] {
  return events
    .filter(({ type, data }) => eventDomain(type) === 'comm' && data['role'] !== 'user')
    .map(({ data }) => String(data['content']));
}

function isOwn({ type }: SentEvent): boolean {
  return eventDomain(type) !== 'comm' && !isInternalEvent(type);
}

/** What is known of each thing, in the order in which the things began: its end does not repeat its input. */
function newest<News extends { readonly id: string }>(news: readonly News[]): readonly News[] {
  const known = new Map<string, News>();
  for (const each of news) known.set(each.id, { ...known.get(each.id), ...each });
  return [...known.values()];
}

/** What the pipeline threw. What went wrong around it is an error of its own. */
function errorOf(error: Error): Error {
  const isThrown = isJimsError(error) && error.code === 'pipeline_failed';
  return isThrown && Error.isError(error.cause) ? error.cause : error;
}

function statesOf(log: readonly ThreadEvent[]): Readonly<Record<string, JsonObject>> {
  const states = log.filter(({ type }) => type.startsWith(STATE_PREFIX));
  return Object.fromEntries(
    states.map(({ type, data }) => [type.slice(STATE_PREFIX.length), data]),
  );
}
