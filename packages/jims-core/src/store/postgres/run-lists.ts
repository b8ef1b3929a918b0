import type { QuestionRecord } from '../chain-records.ts';
import { MAX_WAITING_LISTED, runsLookAt } from '../run-store.ts';
import type { RunStore, RunSummary, ThreadRun } from '../run-store.ts';
import type { EventPosition } from '../thread-store.ts';
import type { Database } from './database.ts';
import { areUuids, uuidOrNull } from './parameters.ts';
import { fromRow } from './rows.ts';
import type { Row } from './rows.ts';
import { toEnd } from './run-records.ts';
import type { EndRow } from './run-records.ts';

/** How many events a list looks at to find runs. */
const LOOK_AT = 5000;
/** How far from an event the beginning of its run is looked for. */
const LOOK_NEAR = 200;

/** A run as `jims.run_summary_json` makes it. */
type SummaryRow = Row<PlainSummary> & EndRow;
type PlainSummary = Omit<RunSummary, 'error' | 'question'>;

/** A row of `jims.list_runs`: a run, or, as the last one, where to go on. */
interface ListRow extends NextRow {
  readonly run: SummaryRow | null;
}

interface NextRow {
  readonly id: string | null;
  readonly createdAt: string | null;
}

/** A row of `jims.list_runs_of`: a run, or, as the last one, where to go on. */
interface ThreadRunRow extends NextRow, Row<Omit<ThreadRun, 'runId' | 'question'>> {
  readonly runId: string | null;
  readonly questionState: QuestionRecord['state'] | null;
  readonly audience: QuestionRecord['audience'];
  readonly answeredBy: string | null;
  readonly closedAt: string | null;
}

/** The runs of threads. */
export function runLists(db: Database): Pick<RunStore, 'listRuns' | 'listRunsOf' | 'runsOfEvents'> {
  return {
    async listRuns(threadId, { limit, before }) {
      if (!areUuids(before?.id)) return { runs: [], next: undefined };
      const rows = await db.rowsOf<ListRow>('list_runs', {
        thread_id: uuidOrNull(threadId),
        created_at: before?.createdAt,
        id: before?.id,
        limit,
        look_at: LOOK_AT,
      });
      return {
        runs: rows.flatMap(({ run }) => (run ? [toSummary(run)] : [])),
        next: toPosition(rows.at(-1)),
      };
    },

    async listRunsOf(threadIds, before) {
      if (!areUuids(before?.id)) return { runs: [], next: undefined };
      const rows = await db.rowsOf<ThreadRunRow>('list_runs_of', {
        thread_ids: threadIds.filter((id) => uuidOrNull(id) !== null),
        created_at: before?.createdAt,
        id: before?.id,
        look_at: runsLookAt(threadIds.length),
        max_waiting: MAX_WAITING_LISTED,
      });
      return {
        runs: rows.flatMap(toThreadRun),
        next: toPosition(rows.at(-1)),
      };
    },

    async runsOfEvents(threadId, events) {
      const known = events.filter(({ id }) => uuidOrNull(id) !== null);
      const pairs = await db.call<readonly (readonly [eventId: string, runId: string])[]>(
        'runs_of_events',
        {
          thread_id: uuidOrNull(threadId),
          ids: known.map(({ id }) => id),
          times: known.map(({ createdAt }) => createdAt),
          look_at: LOOK_NEAR,
        },
      );
      return new Map(pairs);
    },
  };
}

function toThreadRun(row: ThreadRunRow): ThreadRun[] {
  const { runId, threadId, status, chainId, acceptedAt, questionState: state, audience } = row;
  if (runId === null) return [];
  const answeredBy = row.answeredBy ?? undefined;
  const closedAt = row.closedAt ?? undefined;
  return [
    {
      runId,
      threadId,
      status,
      chainId,
      acceptedAt,
      startedAt: row.startedAt ?? undefined,
      finishedAt: row.finishedAt ?? undefined,
      question: state === null ? undefined : { state, audience, answeredBy, closedAt },
    },
  ];
}

function toPosition(row: NextRow | undefined): EventPosition | undefined {
  const { id = null, createdAt = null } = row ?? {};
  return id !== null && createdAt !== null ? { id, createdAt } : undefined;
}

function toSummary({ errorCode, errorMessage, question, ...row }: SummaryRow): RunSummary {
  return { ...fromRow<PlainSummary>(row), ...toEnd({ errorCode, errorMessage, question }) };
}
