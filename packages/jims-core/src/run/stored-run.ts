import { JimsError } from '../errors/jims-error.ts';
import type { JimsErrorCode } from '../errors/jims-error.ts';
import { readUsage } from '../llm/usage.ts';
import type { RunRecord } from '../store/store.ts';
import { EventLog } from './event-log.ts';
import { SEQ_OF_LOST_END } from './run-events.ts';
import type { CancelReason, NumberedRunEvent, RunEnd } from './run-events.ts';
import { Run } from './run.ts';

/** Reads from its record how a run ended; `undefined` while it is not over. */
export function endOfRecord(record: RunRecord): RunEnd | undefined {
  const { status, events, startEvents, error, question } = record;
  const usage = readUsage(record.usage);
  switch (status) {
    case 'completed':
      return {
        type: 'result',
        result: { startEvents, events, ...(usage && { usage }), ...(question && { question }) },
      };
    case 'failed':
      return {
        type: 'error',
        error: new JimsError(codeOf(error?.code), error?.message ?? 'The run failed'),
      };
    case 'cancelled':
      return { type: 'cancelled', reason: reasonOf(error?.code), events };
    case 'queued':
    case 'running':
      return undefined;
  }
}

/** Makes a run that is over from what is kept of it; `progress` may be empty. */
export function storedRun(
  record: RunRecord,
  end: RunEnd,
  progress: readonly NumberedRunEvent[],
): Run {
  const stream = new EventLog(record.attempt);
  const events = progress.length > 0 ? progress : eventsOfRecord(record);
  for (const event of events) stream.pushNumbered(event);
  pushEnd(stream, record, end);
  return new Run(record, stream);
}

/** Ends a stream that was put together from what a store keeps. */
export function pushEnd(stream: EventLog, { lastSeq }: RunRecord, end: RunEnd): void {
  const seq = Math.max(lastSeq ?? SEQ_OF_LOST_END, stream.lastSeq + 1);
  stream.pushNumbered({ ...end, attempt: stream.attempt, seq });
}

/** The run events of a run that had nothing but stored events: only then their positions are known. */
function eventsOfRecord(record: RunRecord): readonly NumberedRunEvent[] {
  const { startEvents, events, attempt, lastSeq } = record;
  const sent = [...startEvents, ...events];
  if (sent.length + 1 !== lastSeq) return [];
  return sent.map((event, index) => ({ type: 'event', event, attempt, seq: index + 1 }));
}

const KNOWN_CODES: readonly JimsErrorCode[] = [
  'lost',
  'deadline',
  'store_unavailable',
  'pipeline_changed',
  'chain_too_long',
  'too_many_questions',
];

/** Codes that this version does not know come from another version on the same database. */
function codeOf(code: string | undefined): JimsErrorCode {
  return KNOWN_CODES.find((known) => known === code) ?? 'pipeline_failed';
}

function reasonOf(code: string | undefined): CancelReason {
  return code === 'interrupted' || code === 'disconnected' || code === 'shutting_down'
    ? code
    : 'cancelled';
}
