import type { ThreadLog } from '../pipeline/thread-log.ts';
import type {
  AcceptedRun,
  ChainRecord,
  ChainRun,
  EntryOutcome,
  JournalEntry,
} from '../store/store.ts';
import { timeOfId } from '../thread/derived-id.ts';
import type { JsonObject, ThreadEvent } from '../thread/event.ts';
import type { EventCache } from './event-cache.ts';

/** A result of an earlier execution. */
export interface ReplayedEntry {
  readonly entry: JournalEntry;
  /** Of a question: the event that answered it. */
  readonly answer: ThreadEvent | undefined;
}

type LoggedRun = Pick<AcceptedRun, 'runId' | 'attempt' | 'thread' | 'fresh'>;

/** What a chain has so far, for the next execution of its pipeline. */
export class Replay {
  readonly chainId: string;
  /** The events that its earlier runs committed, in order. */
  readonly sent: readonly ThreadEvent[];
  readonly #entries: readonly ReplayedEntry[];
  /** The runs up to the one that is executed now. */
  readonly #runs: readonly ChainRun[];
  /** By when their runs began, where they were read. */
  #logs: ReadonlyMap<string, ThreadLog> = new Map();

  /** A chain whose pipeline was never executed. */
  static none(chainId: string): Replay {
    return new Replay(chainId, [], []);
  }

  /** @param runId The run that is executed now. */
  static of({ chainId, entries, runs }: ChainRecord, runId: string): Replay {
    const own = runs.findIndex((run) => run.runId === runId);
    return new Replay(chainId, entries, runs.slice(0, own + 1));
  }

  private constructor(
    chainId: string,
    entries: readonly JournalEntry[],
    runs: readonly ChainRun[],
  ) {
    this.chainId = chainId;
    this.#runs = runs;
    this.sent = runs.slice(0, -1).flatMap(({ events }) => events);
    this.#entries = entries.map((entry) => ({ entry, answer: answerOf(entry, runs) }));
  }

  /** When the chain began, in milliseconds since 1970. */
  get beganAt(): number {
    return timeOfId(this.chainId);
  }

  get nextSeq(): number {
    return (this.#entries.at(-1)?.entry.seq ?? -1) + 1;
  }

  /** Names a pipeline: a step of a conversation start is not the one of the same name that comes after it. */
  keyOf(part: JournalEntry['part']): string {
    return part === 'main' ? this.chainId : `${this.chainId}.${part}`;
  }

  entriesOf(part: JournalEntry['part']): readonly ReplayedEntry[] {
    return this.#entries.filter(({ entry }) => entry.part === part);
  }

  /**
   * A log as the pipeline saw it in a segment of its chain: up to what started the segment's run. A run
   * that nothing is in the log of saw what was there when it was started.
   */
  logAt(log: ThreadLog, segment: number): ThreadLog {
    const until = untilOf(this.#runs[segment]);
    return until === undefined ? log : (this.#logs.get(until) ?? log.until(until));
  }

  /**
   * Loads the log for one of the pipelines of a run, as it is now. When it is cut, those of all segments are read, too:
   * what was there then may be cut off it.
   */
  async loadLog(
    events: Pick<EventCache, 'load' | 'loadUntil'>,
    { runId, attempt, thread, fresh }: LoggedRun,
    part: JournalEntry['part'],
  ): Promise<ThreadLog> {
    const log = await events.load(thread, fresh);
    // Its message comes after it, and is there when it is executed again.
    if (part === 'start') return log.without(runId);
    // A lost run answers its own message, although others may have come since that was stored.
    if (this.#runs.length === 0) return attempt > 1 ? log.withLast(runId) : log;
    if (!log.isCut) return log;
    const times = this.#runs.flatMap((run) => untilOf(run) ?? []);
    this.#logs = await events.loadUntil(thread, times);
    return log;
  }

  /** The usage of models that earlier attempts of a run have in the journal. */
  usageOf(runId: string): readonly JsonObject[] {
    return this.#entries.flatMap(({ entry }) => (entry.runId === runId ? (entry.usage ?? []) : []));
  }

  /** How much of its limits the chain has used. */
  get size(): { readonly entries: number; readonly questions: number; readonly chars: number } {
    const all = this.#entries.map(({ entry }) => entry);
    return {
      entries: all.length,
      questions: all.filter(({ kind }) => kind === 'ask').length,
      chars: all.reduce((sum, entry) => sum + charsOf(entry.outcome), 0),
    };
  }
}

/** The length of a result. */
export function charsOf(outcome: EntryOutcome): number {
  return outcome.kind === 'value' ? (outcome.json?.length ?? 0) : 0;
}

function untilOf(run: ChainRun | undefined): string | undefined {
  return run?.incoming?.createdAt ?? run?.startedAt;
}

function answerOf({ outcome }: JournalEntry, runs: readonly ChainRun[]): ThreadEvent | undefined {
  if (outcome.kind !== 'asked') return undefined;
  return runs.find(({ continues }) => continues === outcome.questionId)?.incoming;
}
