import { cleanJson } from '../../text/clean-text.ts';
import type { JsonObject } from '../../thread/event.ts';
import type { AcceptedRun, RunOwner, RunStatus } from '../run-store.ts';
import type {
  ChainRecord,
  ChainRun,
  ChainStore,
  EntryOutcome,
  JournalEntry,
  RecoveredRun,
  RetryResult,
  RunChain,
} from '../store.ts';
import type { Database } from './database.ts';
import type { Arguments } from './functions.ts';
import { uuidOrNull } from './parameters.ts';
import { toEvents, toThread } from './rows.ts';
import type { EventRow, ThreadRow } from './rows.ts';

/** The place of a run in its chain as `jims.chain_json` makes it. */
export type ChainRow = Omit<RunChain, 'continues'> & { readonly continues: string | null };

/** A run that a process has now, as `jims.taken_json` makes it. */
export type TakenRow = Omit<AcceptedRun, 'thread' | 'fresh' | 'chain'> & {
  readonly thread: ThreadRow;
  readonly chain: ChainRow;
  readonly recoveries: number;
};

type Chains = Pick<
  ChainStore,
  'storeEntries' | 'loadChain' | 'releaseRun' | 'durableRunsOf' | 'retryRun'
>;

/** Journals of chains, and how their runs come from one process to another. */
export function chainStore(db: Database): Chains {
  return {
    async storeEntries(run, entries) {
      const isStored = await db.callInGroup<boolean>('store_entries', {
        ...ownerArguments(run),
        entries: entriesJson(entries),
      });
      return isStored ? 'stored' : 'fenced';
    },

    async loadChain(chainId) {
      const row = await db.call<ChainRecordRow | null>('load_chain', {
        chain_id: uuidOrNull(chainId),
      });
      return row ? toChainRecord(row) : undefined;
    },

    async releaseRun(run) {
      const isReleased = await db.call<boolean>('release_run', ownerArguments(run));
      return isReleased ? 'released' : 'fenced';
    },

    durableRunsOf: (instanceId) =>
      db.query<RunOwner & { runId: string }>(
        `select run_id as "runId", attempt, thread_id as "threadId", instance_id as "instanceId"
         from jims.runs where instance_id = $1 and status in ('queued', 'running') and durable`,
        [instanceId],
      ),

    async retryRun({ runId, instanceId }) {
      const result = await db.call<TakenRow | Exclude<RetryResult, RecoveredRun>>('retry_run', {
        run_id: uuidOrNull(runId),
        instance_id: instanceId,
      });
      return result.kind === 'accepted' ? toTakenRun(result) : result;
    },
  };
}

/** The process that writes for a run, as our functions take it. */
export function ownerArguments(run: RunOwner): Arguments {
  return {
    run_id: run.runId,
    attempt: run.attempt,
    thread_id: run.threadId,
    instance_id: run.instanceId,
  };
}

export function toChain({ continues, ...chain }: ChainRow): RunChain {
  return { ...chain, continues: continues ?? undefined };
}

export function toTakenRun({ thread, chain, ...run }: TakenRow): RecoveredRun {
  return { ...run, thread: toThread(thread), chain: toChain(chain) };
}

/** Entries as one JSON text. What is JSON in them is text in it, which comes back as it was. */
export function entriesJson(entries: readonly JournalEntry[]): string {
  return cleanJson(
    entries.map(({ outcome, usage, ...entry }) => ({
      ...entry,
      value: outcome.kind === 'value' ? outcome.json : undefined,
      error: outcome.kind === 'error' ? JSON.stringify(outcome.error) : undefined,
      questionId: outcome.kind === 'asked' ? outcome.questionId : undefined,
      usage: usage && JSON.stringify(usage),
    })),
  );
}

/** A chain as `jims.load_chain` makes it. */
interface ChainRecordRow extends Omit<ChainRecord, 'entries' | 'runs'> {
  readonly threadId: string;
  readonly entries: readonly EntryRow[];
  readonly runs: readonly ChainRunRow[];
}

interface EntryRow extends Omit<JournalEntry, 'input' | 'outcome' | 'usage' | 'version'> {
  readonly input: string | null;
  readonly value: string | null;
  readonly error: string | null;
  readonly questionId: string | null;
  readonly usage: string | null;
  readonly version: string | null;
}

interface ChainRunRow {
  readonly runId: string;
  readonly continues: string | null;
  readonly status: RunStatus;
  readonly startedAt: string | null;
  readonly outputIds: readonly string[] | null;
  /** What started it, and those that it ended with. */
  readonly events: readonly EventRow[];
}

function toChainRecord({ threadId, entries, runs, ...chain }: ChainRecordRow): ChainRecord {
  return {
    chainId: chain.chainId,
    kept: chain.kept,
    config: chain.config,
    entries: entries.map(toEntry),
    runs: runs.map((run) => toChainRun(threadId, run)),
  };
}

function toChainRun(threadId: string, row: ChainRunRow): ChainRun {
  const events = toEvents(threadId, row.events);
  const outputs = new Set(row.outputIds);
  return {
    runId: row.runId,
    continues: row.continues ?? undefined,
    status: row.status,
    startedAt: row.startedAt ?? undefined,
    incoming: events.find(({ id }) => id === row.runId),
    events: events.filter(({ id }) => outputs.has(id)),
  };
}

function toEntry(row: EntryRow): JournalEntry {
  const { input, value: _value, error: _error, questionId: _id, usage, version, ...entry } = row;
  return {
    ...entry,
    outcome: toOutcome(row),
    ...(input !== null && { input }),
    ...(usage !== null && { usage: JSON.parse(usage) as readonly JsonObject[] }),
    ...(version !== null && { version }),
  };
}

function toOutcome({ value, error, questionId }: EntryRow): EntryOutcome {
  if (questionId !== null) return { kind: 'asked', questionId };
  if (error !== null) return { kind: 'error', error: JSON.parse(error) as JsonObject };
  return { kind: 'value', json: value ?? undefined };
}
