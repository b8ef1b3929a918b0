import { JimsError } from '../errors/jims-error.ts';
import type { JimsErrorCode } from '../errors/jims-error.ts';
import { readUsage } from '../llm/usage.ts';
import type { RunRecord } from '../store/store.ts';
import { SEQ_OF_LOST_END } from './run-events.ts';
import type { CancelReason, NumberedRunEvent, RunEnd } from './run-events.ts';
import { RunStream } from './run-stream.ts';
import type { Run } from './run.ts';

/** How a run ended, told by its record; `undefined` while it is not over. */
export function endOfRecord(record: RunRecord): RunEnd | undefined {
  const { status, events, startEvents, error } = record;
  const usage = readUsage(record.usage);
  switch (status) {
    case 'completed':
      return { type: 'result', result: { startEvents, events, ...(usage && { usage }) } };
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

/** A run that is over, as its listeners would have seen it, as far as that is kept. */
export function storedRun(
  record: RunRecord,
  end: RunEnd,
  progress: readonly NumberedRunEvent[],
): Run {
  const stream = new RunStream(record.attempt);
  const told = progress.length > 0 ? progress : toldEvents(record);
  for (const event of told) stream.pushNumbered(event);
  finish(stream, record, end);
  return runOf(record, stream, () => {});
}

/** What a run told that told nothing but its events: their positions are known then. */
function toldEvents(record: RunRecord): readonly NumberedRunEvent[] {
  const { startEvents, events, attempt, lastSeq } = record;
  const sent = [...startEvents, ...events];
  if (sent.length + 1 !== lastSeq) return [];
  return sent.map((event, index) => ({ type: 'event', event, attempt, seq: index + 1 }));
}

/** Ends a stream that was put together from what a store keeps. */
export function finish(stream: RunStream, { lastSeq }: RunRecord, end: RunEnd): void {
  const seq = Math.max(lastSeq ?? SEQ_OF_LOST_END, stream.lastSeq + 1);
  stream.pushNumbered({ ...end, attempt: stream.attempt, seq });
}

export function runOf(
  { runId, thread, createdThread }: Pick<RunRecord, 'runId' | 'thread' | 'createdThread'>,
  stream: RunStream,
  cancel: () => void,
): Run {
  return {
    id: runId,
    thread,
    createdThread,
    replayed: false,
    get attempt() {
      return stream.attempt;
    },
    get endPosition() {
      return stream.endPosition;
    },
    // It is over, or its own process decides.
    attach: () => () => {},
    listen: (options) => stream.listen(options),
    end: stream.end,
    cancel,
  };
}

/** Codes that this version does not know come from another one on the same database. */
function codeOf(code: string | undefined): JimsErrorCode {
  return code === 'lost' || code === 'deadline' || code === 'store_unavailable'
    ? code
    : 'pipeline_failed';
}

function reasonOf(code: string | undefined): CancelReason {
  return code === 'interrupted' || code === 'disconnected' || code === 'shutting_down'
    ? code
    : 'cancelled';
}
