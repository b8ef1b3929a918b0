import type { JournalEntry, RunRecord, Store } from '../../store/store.ts';
import type { EventEntry, KeptTrace, TraceEntry } from '../../telemetry/trace.ts';
import { boundedJson, boundedText } from '../../text/bounded-json.ts';
import { eventDomain, isInternalEvent } from '../../thread/event.ts';
import type { ThreadEvent } from '../../thread/event.ts';
import { replayedModel, replayedStep } from './replayed-entry.ts';
import { TRACE_LIMITS } from './trace-limits.ts';
import { statesAfter, tracedStates } from './traced-states.ts';

const NO_EVENT = '00000000-0000-0000-0000-000000000000';

/** What the database has of a run that was not traced: its journal, its events, how it ended. */
export async function untracedRun(
  store: Pick<Store, 'loadChain' | 'readTail'>,
  record: RunRecord,
): Promise<KeptTrace> {
  const { runId, thread, attempt, startEvents, events } = record;
  const chain = await store.loadChain(record.chainId);
  const own = (chain?.entries ?? []).filter((entry) => entry.runId === runId);
  const sent = [...startEvents, ...events];
  const before = [
    ...queueOf(record),
    ...own.map(journaled),
    ...sent.map(eventEntry),
    ...questionOf(record),
  ].toSorted((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
  // In a short run it has an earlier time: events of one moment get later ones, so that they differ.
  const all = [...before, ...endOf(record)];
  const entries = all.slice(0, TRACE_LIMITS.entries);
  return {
    runId,
    threadId: thread.id,
    attempt,
    leftOut: all.length - entries.length,
    entries,
    state: await statesOf(store, record, sent),
    ...errorOf(record),
  };
}

function bounded(value: unknown): unknown {
  return boundedJson(value, TRACE_LIMITS.text);
}

function queueOf({ acceptedAt, startedAt }: RunRecord): TraceEntry[] {
  if (startedAt === undefined || startedAt === acceptedAt) return [];
  const ms = Date.parse(startedAt) - Date.parse(acceptedAt);
  return [{ kind: 'queue', at: acceptedAt, ms }];
}

/** Only when it was done is known, not how long it took. */
function journaled(entry: JournalEntry): TraceEntry {
  const moment = { at: timeOf(entry.at), ms: 0, isReplayed: false };
  return entry.kind === 'model'
    ? { ...replayedModel(entry, bounded), ...moment }
    : { ...replayedStep(entry, bounded), ...moment };
}

function eventEntry({ id, type, data, createdAt: at }: ThreadEvent): EventEntry {
  const event = { id, type, data: bounded(data) };
  return { kind: 'event', at, ms: 0, event, isInternal: isInternalEvent(type) };
}

function questionOf({ question }: RunRecord): TraceEntry[] {
  if (!question) return [];
  const { questionId: id, name, text, audience, askedAt: at } = question;
  const named = name === undefined ? {} : { name };
  const written = text === undefined ? {} : { text: boundedText(text, TRACE_LIMITS.text) };
  return [{ kind: 'question', at, ms: 0, id, audience, ...named, ...written }];
}

function endOf({ status, error, finishedAt: at }: RunRecord): TraceEntry[] {
  if (at === undefined || status === 'queued' || status === 'running') return [];
  const reason = error === undefined ? {} : { reason: error.code };
  return [{ kind: 'end', at, ms: 0, type: ENDS[status], ...reason }];
}

const ENDS = { completed: 'result', failed: 'error', cancelled: 'cancelled' } as const;

/** What it really threw is not in the database. */
function errorOf({ status, error }: RunRecord): Pick<KeptTrace, 'error'> {
  if (status !== 'failed' || !error) return {};
  const { code, message } = error;
  const thrown = { name: 'JimsError', message, stack: undefined };
  return { error: { code, detail: message, thrown, source: undefined, causes: [] } };
}

async function statesOf(
  store: Pick<Store, 'readTail'>,
  { thread, finishedAt }: RunRecord,
  sent: readonly ThreadEvent[],
): Promise<KeptTrace['state']> {
  const [first] = sent;
  const at = finishedAt === undefined ? undefined : { createdAt: finishedAt, id: NO_EVENT };
  const position = first ?? at;
  const tail = await store.readTail(thread.id, {
    ...(position && { before: { createdAt: position.createdAt, id: position.id } }),
    maxBytes: 1,
  });
  const before = statesAfter(new Map(), [...tail.states, ...tail.events]);
  const states = sent.filter(({ type }) => eventDomain(type) === 'state');
  return { before: tracedStates(before), after: tracedStates(statesAfter(before, states)) };
}

function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
