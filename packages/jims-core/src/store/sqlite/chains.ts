import type { DatabaseSync } from 'node:sqlite';

import type { JsonObject, ThreadEvent } from '../../thread/event.ts';
import type { Thread } from '../../thread/thread.ts';
import type {
  ChainRecord,
  ChainRun,
  KeptRun,
  RecoveredRun,
  RunChain,
  RunStatus,
} from '../store.ts';
import { fromHex, parseStoredObject, toHex, uuidOrNone, valueOf } from './columns.ts';
import type { JournalRows } from './journal.ts';
import type { LogReads } from './log-reads.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import type { ThreadRows } from './threads.ts';
import { toPublicTime } from './timestamp.ts';

type BeginningRow = readonly [threadId: string, kept: string | null, config: string | null];

type AgainRow = readonly [
  threadId: string,
  attempt: number,
  status: 'queued' | 'running',
  createdThread: number,
  started: number,
  recoveries: number,
  chainId: string | null,
  continues: string | null,
];

type ChainRunRow = readonly [
  runId: string,
  continues: string | null,
  status: RunStatus,
  startedAt: string | null,
  outputIds: string | null,
];

const CHAIN_RUN = 'ticket, run_id, continues, status, started_at, output_ids';

const SQL = {
  beginning: sql<BeginningRow>(
    'SELECT thread_id, kept, config FROM jims_runs WHERE run_id = ? AND chain_id IS NULL',
  ),
  again:
    sql<AgainRow>(`SELECT thread_id, attempt, status, created_thread, start_ids IS NOT NULL, recoveries,
       chain_id, continues
     FROM jims_runs WHERE run_id = ?`),
  runs: sql<ChainRunRow>(`SELECT run_id, continues, status, started_at, output_ids FROM (
       SELECT ${CHAIN_RUN} FROM jims_runs WHERE run_id = ?1
       UNION ALL
       SELECT ${CHAIN_RUN} FROM jims_runs WHERE chain_id = ?1)
     ORDER BY ticket`),
};

interface ChainTables {
  readonly threads: ThreadRows;
  readonly log: LogReads;
  readonly journal: JournalRows;
}

/** Reads chains: their runs, their journals, and what they began with. */
export class Chains {
  readonly #sql: Statements<typeof SQL>;
  readonly #tables: ChainTables;

  constructor(db: DatabaseSync, tables: ChainTables) {
    this.#sql = prepareAll(db, SQL);
    this.#tables = tables;
  }

  load(chainId: string): ChainRecord | undefined {
    const beginning = this.#sql.beginning.get(toHex(chainId));
    const thread = beginning && this.#tables.threads.byId(fromHex(beginning[0]));
    if (!thread) return undefined;
    const rows = this.#sql.runs.all(toHex(chainId));
    return {
      chainId,
      ...keptIn(beginning, thread),
      entries: this.#tables.journal.load(chainId),
      runs: rows.map((row) => this.#toChainRun(thread.id, row)),
    };
  }

  /** A run that continues a chain, or begins it. */
  chainOf(chainId: string, continues: string | undefined, thread: Thread): RunChain {
    return { chainId, continues, ...keptIn(this.#sql.beginning.get(toHex(chainId)), thread) };
  }

  /** What is kept of a chain beside its results. */
  keptOf(chainId: string): KeptRun {
    return keptFrom(this.#sql.beginning.get(toHex(chainId))?.[1]);
  }

  /** A run that is executed once more; `undefined` when its thread is gone. */
  again(runId: string): RecoveredRun | undefined {
    const row = this.#sql.again.get(toHex(runId));
    const thread = row && this.#tables.threads.byId(fromHex(row[0]));
    if (!thread) return undefined;
    const [, attempt, status, createdThread, started, recoveries, chainId, continues] = row;
    return {
      kind: 'accepted',
      runId,
      attempt,
      thread,
      createdThread: createdThread === 1,
      started: started === 1,
      status,
      interrupted: [],
      chain: this.chainOf(uuidOrNone(chainId) ?? runId, uuidOrNone(continues), thread),
      recoveries,
    };
  }

  #toChainRun(threadId: string, row: ChainRunRow): ChainRun {
    const [id, continues, status, startedAt, outputIds] = row;
    const runId = fromHex(id);
    const [incoming] = this.#tables.log.byIds(threadId, [runId]);
    return {
      runId,
      continues: uuidOrNone(continues),
      status,
      startedAt: startedAt === null ? undefined : toPublicTime(startedAt),
      incoming,
      events: this.#eventsOf(threadId, outputIds),
    };
  }

  #eventsOf(threadId: string, ids: string | null): readonly ThreadEvent[] {
    return this.#tables.log.byIds(threadId, (valueOf(ids) ?? []) as readonly string[]);
  }
}

/** What a chain began with. One that is not durable keeps nothing before it asks. */
function keptIn(
  row: BeginningRow | undefined,
  thread: Thread,
): { readonly kept: KeptRun; readonly config: JsonObject } {
  const config = row?.[2] ?? null;
  return {
    kept: keptFrom(row?.[1]),
    config: config === null ? thread.config : parseStoredObject(config),
  };
}

function keptFrom(text: string | null | undefined): KeptRun {
  return parseStoredObject(text ?? null);
}
