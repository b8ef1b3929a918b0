import type { JsonObject, NewEvent } from '../../thread/event.ts';
import type { PolledRun, RunRecord, RunStore } from '../run-store.ts';
import type { Database } from './database.ts';
import { uuidOrNull } from './parameters.ts';
import { toQuestion } from './questions.ts';
import type { QuestionRow } from './questions.ts';
import { fromRow, toEvents, toThread } from './rows.ts';
import type { EventRow, Row, ThreadRow } from './rows.ts';

/** What is kept of runs. */
export function runRecords(
  db: Database,
): Pick<RunStore, 'run' | 'runIdByKey' | 'activeRun' | 'pollRuns'> {
  return {
    run: (runId) => readRun(db, runId),

    async runIdByKey({ scope, key }) {
      const [row] = await db.query<{ runId: string }>(
        // Nothing is found of a thread that is being erased.
        `select run_id as "runId" from jims.runs join original.threads using (thread_id)
         where idem_scope = $1 and idem_key = $2`,
        [scope, key],
      );
      return row?.runId;
    },

    async activeRun(threadId) {
      const [row] = await db.query<{ runId: string }>(
        `select run_id as "runId" from jims.runs where thread_id = $1 and status = 'running'`,
        [uuidOrNull(threadId)],
      );
      return row?.runId;
    },

    pollRuns: (instanceId, runIds) =>
      db.query<PolledRun & { runId: string }>(
        `select run_id as "runId", instance_id as "instanceId", attempt, status,
                cancel_requested as "cancelRequested"
         from jims.runs
         where run_id = any ($2::uuid[])
           or (instance_id = $1 and status in ('queued', 'running') and cancel_requested)`,
        [instanceId, runIds],
      ),
  };
}

/** A run with its thread and the events that it led to, as one row; `$1` is its id. */
const RUN = `
select
  r.run_id as "runId",
  jims.thread_json(t.thread_id, t.contact_id, t.external_id, t.created_at, t.thread_config) as thread,
  r.instance_id as "instanceId",
  r.status,
  r.withdrawn_as as "withdrawnAs",
  r.attempt,
  r.created_thread as "createdThread",
  jims.iso(r.accepted_at at time zone 'utc') as "acceptedAt",
  jims.iso(r.started_at at time zone 'utc') as "startedAt",
  jims.iso(r.finished_at at time zone 'utc') as "finishedAt",
  r.incoming_type as "incomingType",
  r.incoming_data as "incomingData",
  r.start_ids as "startIds",
  r.output_ids as "outputIds",
  case when r.finished_at is not null or r.withdrawn_as is not null then r.error_code end as "errorCode",
  r.error_message as "errorMessage",
  case when r.finished_at is not null then r.usage end as usage,
  case when r.finished_at is not null then r.last_seq end as "lastSeq",
  coalesce(r.chain_id, r.run_id) as "chainId",
  r.continues,
  (select jims.question_json(q) from jims.questions q where q.question_id = r.question_id) as question,
  r.durable,
  (select coalesce(
     json_agg(jims.event_json(event_id, created_at, event_type, event_data)
              order by created_at, event_id),
     '[]')
   from original.thread_events
   where thread_id = r.thread_id
     and event_id = any (array[r.run_id] || r.start_ids || r.output_ids)) as events
from jims.runs r join original.threads t using (thread_id)
where r.run_id = $1`;

type Plain = Omit<
  RunRecord,
  'thread' | 'incoming' | 'startEvents' | 'events' | 'error' | 'question'
>;

interface RunRow extends Row<Plain>, EndRow {
  readonly thread: ThreadRow;
  readonly incomingType: string | null;
  readonly incomingData: JsonObject | null;
  readonly startIds: readonly string[] | null;
  readonly outputIds: readonly string[] | null;
  /** The incoming one, those of the conversation start and those of the outcome. */
  readonly events: readonly EventRow[];
}

/** What of the row of a run says how it ended. */
export interface EndRow {
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly question: QuestionRow | null;
}

/** All that is kept of a run, in one round trip. */
export async function readRun(db: Database, runId: string): Promise<RunRecord | undefined> {
  const [row] = await db.query<RunRow>(RUN, [uuidOrNull(runId)]);
  return row && toRunRecord(row);
}

function toRunRecord(row: RunRow): RunRecord {
  const { startIds, outputIds, incomingType, incomingData, events: rows, ...rest } = row;
  const { thread: threadRow, errorCode, errorMessage, question, ...plain } = rest;
  const thread = toThread(threadRow);
  const events = toEvents(thread.id, rows);
  const among = (ids: readonly string[] | null): RunRecord['events'] =>
    events.filter((event) => ids?.includes(event.id));
  const held =
    incomingType === null || incomingData === null
      ? undefined
      : { id: row.runId, type: incomingType, data: incomingData };
  return {
    ...fromRow<Plain>(plain),
    thread,
    withdrawnAs: row.status === 'queued' ? (row.withdrawnAs ?? undefined) : undefined,
    // What started the run is held while it is not in the log.
    incoming: held ?? withoutTime(events.find((event) => event.id === row.runId)),
    startEvents: among(startIds),
    events: among(outputIds),
    ...toEnd({ errorCode, errorMessage, question }),
  };
}

/** The error of a run, and the question that it ended with. */
export function toEnd({
  errorCode,
  errorMessage,
  question,
}: EndRow): Pick<RunRecord, 'error' | 'question'> {
  return {
    error: errorCode === null ? undefined : { code: errorCode, message: errorMessage ?? '' },
    question: question ? toQuestion(question) : undefined,
  };
}

function withoutTime(event: NewEvent | undefined): NewEvent | undefined {
  return event && { id: event.id, type: event.type, data: event.data };
}
