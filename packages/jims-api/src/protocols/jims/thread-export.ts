import type {
  EventPosition,
  FeedbackList,
  FeedbackQuery,
  FeedbackRecord,
  JournalEntry,
  Principal,
  QuestionList,
  QuestionQuery,
  RunList,
  RunPage,
  RunSummary,
  ThreadEvent,
  ThreadOverview,
} from 'jims-core';
import * as v from 'valibot';

import { viewOf } from '../../chat/visibility.ts';
import { jsonObject, uuid } from '../../http/fastapi/fields.ts';
import { jsonPieces } from '../../http/fastapi/json-pieces.ts';
import { described, titled } from '../../http/schema.ts';
import { allItems } from './all-items.ts';
import { FeedbackResource, feedbackResource } from './feedback.ts';
import { QuestionResource, questionResource } from './questions.ts';
import {
  EventResource,
  RunSummaryResource,
  ThreadResource,
  eventResource,
  runSummary,
  threadResource,
} from './resources.ts';

const PAGE_SIZE = 200;

const ResultResource = titled('Result', {
  chain_id: uuid,
  run_id: uuid,
  attempt: v.number(),
  seq: described(v.number(), 'Its position among the results of the chain'),
  kind: v.picklist(['step', 'stream', 'model', 'ask']),
  name: described(v.nullable(v.string()), 'Questions may have none'),
  value: described(v.unknown(), 'What it gave; null for nothing'),
  error: described(v.nullable(jsonObject), 'What it failed with'),
  question_id: described(v.nullable(uuid), 'The question that it is'),
  at: described(v.string(), 'UTC'),
});

/** All that is kept of a thread. */
export const ThreadExportResource = v.object({
  thread: ThreadResource,
  events: v.array(EventResource),
  runs: v.array(RunSummaryResource),
  feedback: v.array(FeedbackResource),
  questions: described(v.optional(v.array(QuestionResource)), 'For services alone'),
  results: described(
    v.optional(v.array(ResultResource)),
    'For services alone: the results of steps, models and questions that durable runs may still need',
  ),
});

/** Reads what is kept of threads: an app, or a store without one. */
export interface ThreadSource {
  readonly events: (
    threadId: string,
    domains: readonly string[] | undefined,
  ) => AsyncIterable<readonly ThreadEvent[]>;
  readonly runs: (threadId: string, page: RunPage) => Promise<RunList>;
  readonly feedback: (query: FeedbackQuery) => Promise<FeedbackList>;
  readonly questions: (query: QuestionQuery) => Promise<QuestionList>;
  readonly results: (chainId: string) => Promise<readonly JournalEntry[]>;
}

/** A thread as JSON, in pieces: it may be larger than the memory. */
export async function* threadExport(
  source: ThreadSource,
  thread: ThreadOverview,
  principal: Principal,
): AsyncGenerator<string> {
  const isService = principal.kind === 'service';
  yield '{"thread":';
  yield* jsonPieces(threadResource(thread, { principal }));
  yield* member('events', eventsOf(source, thread.id, isService ? undefined : ['comm']));
  // Of these the results are kept: chains that are not over, and those that failed and may be retried.
  const kept = new Set<string>();
  yield* member('runs', runsOf(source, thread.id, principal, kept));
  yield* member('feedback', feedbackOf(source, thread.id));
  if (isService) {
    yield* member('questions', questionsOf(source, thread.id));
    yield* member('results', resultsOf(source, kept));
  }
  yield '}';
}

async function* member(name: string, items: AsyncIterable<object>): AsyncGenerator<string> {
  yield `,"${name}":[`;
  let separator = '';
  for await (const item of items) {
    yield separator;
    separator = ',';
    yield* jsonPieces(item);
  }
  yield ']';
}

async function* eventsOf(
  source: ThreadSource,
  threadId: string,
  domains: readonly string[] | undefined,
): AsyncGenerator<EventResource> {
  for await (const events of source.events(threadId, domains)) yield* events.map(eventResource);
}

async function* runsOf(
  source: ThreadSource,
  threadId: string,
  principal: Principal,
  kept: Set<string>,
): AsyncGenerator<object> {
  const view = viewOf(principal);
  for await (const run of allRuns(source, threadId)) {
    const isOver = run.status === 'completed' || run.status === 'cancelled';
    if (!isOver || run.question?.state === 'open') kept.add(run.chainId);
    yield runSummary(run, { threadId, view });
  }
}

function allRuns(source: ThreadSource, threadId: string): AsyncGenerator<RunSummary> {
  return allItems<RunSummary, EventPosition>(async (before) => {
    const page = { limit: PAGE_SIZE, ...(before && { before }) };
    const { runs: items, next } = await source.runs(threadId, page);
    return { items, next };
  });
}

function feedbackOf(source: ThreadSource, threadId: string): AsyncGenerator<object> {
  return allItems<object, FeedbackRecord>(async (after) => {
    const query = { threadId, limit: PAGE_SIZE, ...(after && { after }) };
    const { feedback, more } = await source.feedback(query);
    return { items: feedback.map(feedbackResource), next: more ? feedback.at(-1) : undefined };
  });
}

function questionsOf(source: ThreadSource, threadId: string): AsyncGenerator<object> {
  return allItems<object, string>(async (after) => {
    const query = { threadId, limit: PAGE_SIZE, ...(after !== undefined && { after }) };
    const { questions, more } = await source.questions(query);
    const next = more ? questions.at(-1)?.questionId : undefined;
    return { items: questions.map(questionResource), next };
  });
}

async function* resultsOf(
  source: ThreadSource,
  chainIds: Iterable<string>,
): AsyncGenerator<object> {
  for (const chainId of chainIds)
    for (const entry of await source.results(chainId)) yield resultResource(chainId, entry);
}

function resultResource(
  chainId: string,
  { runId, attempt, seq, kind, name, outcome, at }: JournalEntry,
): v.InferOutput<typeof ResultResource> {
  const json = outcome.kind === 'value' ? outcome.json : undefined;
  return {
    chain_id: chainId,
    run_id: runId,
    attempt,
    seq,
    kind,
    name: name || null,
    value: json === undefined ? null : JSON.parse(json),
    error: outcome.kind === 'error' ? outcome.error : null,
    question_id: outcome.kind === 'asked' ? outcome.questionId : null,
    at: new Date(at).toISOString(),
  };
}
