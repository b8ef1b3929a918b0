import type { EntryOf, Trace, TraceEntry } from 'jims-client';

import { excerpt, glance, momentOf } from '../parts/quantities.ts';

/** An entry of a trace, and where its bar is. */
export interface TimelineRow {
  readonly key: string;
  readonly entry: TraceEntry;
  /** Milliseconds after the run was accepted. */
  readonly startMs: number;
  readonly ms: number;
  readonly isGoingOn: boolean;
  /** How far it is inside of other entries. */
  readonly depth: number;
}

export interface Timeline {
  readonly totalMs: number;
  readonly rows: readonly TimelineRow[];
}

/** Where the entries of a trace are in time. `now` is when it was read, for what goes on. */
export function timelineOf(trace: Trace, now: number): Timeline {
  const start = momentOf(trace.accepted_at);
  const isActive = trace.finished_at === null;
  const open: number[] = [];
  const rows = trace.entries.map((entry, index) => {
    const startMs = Math.max(0, momentOf(entry.at) - start);
    const ms =
      entry.ms ??
      Math.max(0, (isActive ? now : momentOf(trace.finished_at ?? entry.at)) - start - startMs);
    while (open.length > 0 && (open.at(-1) ?? 0) <= startMs) open.pop();
    const depth = open.length;
    if (entry.kind === 'step' || entry.kind === 'tool') open.push(startMs + ms);
    return {
      key: `${index}:${entry.kind}`,
      entry,
      startMs,
      ms,
      isGoingOn: entry.ms === null && isActive,
      depth,
    };
  });
  const finished = trace.finished_at === null ? 0 : momentOf(trace.finished_at) - start;
  const totalMs = Math.max(
    finished,
    1,
    ...rows.slice(-2000).map(({ startMs, ms }) => startMs + ms),
  );
  return { totalMs, rows };
}

interface EntryTitle {
  readonly name: string;
  readonly about: string;
}

/** What an entry is called, and what else is worth reading before it is opened. */
export function titleOf(entry: TraceEntry): EntryTitle {
  switch (entry.kind) {
    case 'queue':
      return { name: 'Waiting', about: 'for the runs before it' };
    case 'status':
      return { name: 'Status', about: excerpt(entry.message) };
    case 'message':
      return { name: 'Message', about: excerpt(entry.text) };
    case 'reasoning':
      return { name: 'Reasoning', about: excerpt(entry.text) };
    case 'event':
      return titleOfEvent(entry);
    case 'question':
      return {
        name: `Question to the ${entry.audience}`,
        about: excerpt(entry.text ?? entry.name ?? ''),
      };
    case 'end':
      return { name: ENDS[entry.type], about: entry.reason ?? '' };
    default:
      return titleOfWork(entry);
  }
}

/** Of a message, such as one with buttons, its text says more than its type. */
function titleOfEvent({
  event: { event_type: type, event_data: data },
}: EntryOf<'event'>): EntryTitle {
  const { content }: { content?: unknown } = Object(data);
  if (type.startsWith('comm.') && typeof content === 'string' && content.trim() !== '')
    return { name: excerpt(content), about: type };
  return { name: type, about: glance(data) };
}

function titleOfWork(entry: EntryOf<'pipeline' | 'step' | 'tool' | 'model'>): EntryTitle {
  switch (entry.kind) {
    case 'pipeline':
      return { name: entry.name, about: entry.part === 'start' ? 'greets' : 'answers' };
    case 'model':
      return { name: entry.model, about: entry.error ?? aboutAnswer(entry) };
    default: {
      const value = glance(entry.kind === 'step' ? entry.output : entry.input);
      return { name: entry.name, about: entry.error ?? (value || (entry.title ?? '')) };
    }
  }
}

const ENDS = { result: 'Stored', error: 'Failed', cancelled: 'Cancelled' } as const;

function aboutAnswer({ answer, operation, replayed }: EntryOf<'model'>): string {
  if (replayed) return 'replayed: its result was stored';
  const calls = answer?.tool_calls?.map(({ name }) => name) ?? [];
  if (calls.length > 0) return `calls ${calls.join(', ')}`;
  return excerpt(answer?.text ?? '') || operation;
}

/** Whether an entry is a failure. */
export function isFailure(entry: TraceEntry): boolean {
  if (entry.kind === 'end') return entry.type === 'error';
  return 'error' in entry && entry.error !== null && entry.error !== undefined;
}
