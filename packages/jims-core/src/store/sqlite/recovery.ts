import { RECOVERY_PAUSES_MS, SUSPECT_RECOVERIES } from '../store.ts';
import type {
  ReapRequest,
  ReapResult,
  RecoveredRun,
  RunErrorRecord,
  StartedRun,
} from '../store.ts';
import type { ActiveRun } from './active-run.ts';
import type { Asking } from './asking.ts';
import type { Orphan } from './durable-runs.ts';
import type { InstanceRows } from './instances.ts';
import type { Tables } from './tables.ts';
import { CANCELLED, DISCONNECTED } from './thread-line.ts';
import type { ThreadLine } from './thread-line.ts';

/** What one look for dead processes has done so far. */
interface Findings {
  lost: number;
  readonly started: StartedRun[];
  readonly recovered: RecoveredRun[];
}

/** How many runs may still be taken. */
interface Room {
  places: number;
  suspects: number;
}

interface Look {
  readonly done: Findings;
  readonly room: Room;
  /** Those of the living processes that recover runs. */
  readonly versions: ReadonlySet<string>;
}

/** Does what dead processes left. Call it inside a transaction of its own. */
export class Recovery {
  readonly #tables: Tables;
  readonly #line: ThreadLine;
  readonly #asking: Asking;
  readonly #instances: InstanceRows;

  constructor(tables: Tables, line: ThreadLine, asking: Asking, instances: InstanceRows) {
    this.#tables = tables;
    this.#line = line;
    this.#asking = asking;
    this.#instances = instances;
  }

  reap(request?: ReapRequest): ReapResult {
    const done: Findings = { lost: 0, started: [], recovered: [] };
    for (const run of this.#tables.runs.orphans()) this.#lose(run, done);
    if (request && request.recovers !== 'none') {
      this.#expire(request, done);
      this.#recover(request, done);
    }
    const taken = new Set(done.recovered.map(({ runId }) => runId));
    return { ...done, started: done.started.filter(({ runId }) => !taken.has(runId)) };
  }

  #expire({ places }: ReapRequest, done: Findings): void {
    for (const question of this.#tables.questions.due(places)) {
      this.#asking.expire(question);
      this.#note(done, this.#line.startIfFree(question.threadId));
    }
  }

  /** Suspects come after all others, so that they take no innocent run with them. */
  #recover(request: ReapRequest, done: Findings): void {
    const orphans = this.#tables.durable.orphans();
    const room: Room = { places: request.places, suspects: request.suspects };
    const look: Look = { done, room, versions: this.#instances.versions() };
    for (const wanted of [false, true]) {
      for (const run of orphans) {
        if (isSuspect(run) === wanted) this.#settle(run, request, look);
      }
    }
  }

  #settle(run: Orphan, request: ReapRequest, look: Look): void {
    const { done, room } = look;
    const isFirst = run.continues === undefined;
    if (isFirst && request.recovers === 'continued') return this.#lose(run, done);
    const stop = this.#stopOf(run);
    if (stop) {
      this.#line.cancel(run, stop);
      return this.#note(done, this.#line.startNext(run.threadId, done));
    }
    if (!run.isDue) return undefined;
    if (isSpent(run)) return this.#lose(run, done);
    if (!hasRoom(room, run) || this.#isOfOthers(run, request, look)) return undefined;
    room.places--;
    if (isSuspect(run)) room.suspects--;
    return this.#take(run, request.instanceId, done);
  }

  #take(run: Orphan, instanceId: string, done: Findings): void {
    const { durable, chains } = this.#tables;
    this.#line.storeIncoming(run);
    durable.take(run, instanceId);
    const taken = chains.again(run.runId);
    if (taken) done.recovered.push(taken);
  }

  /** Why a run is not executed once more: it was to stop, or nobody waits for what it has not begun. */
  #stopOf({ cancelRequested, continues, chainId }: Orphan): RunErrorRecord | undefined {
    if (cancelRequested) return CANCELLED;
    const { chains, journal } = this.#tables;
    if (continues !== undefined || !chains.keptOf(chainId).stopsUnread) return undefined;
    return journal.newest(chainId) ? undefined : DISCONNECTED;
  }

  /** Whether a living process has the version that a run was begun with, or got on with last. */
  #isOfOthers({ chainId }: Orphan, { version: own }: ReapRequest, { versions }: Look): boolean {
    const { chains, journal } = this.#tables;
    const version = journal.newest(chainId)?.version ?? chains.keptOf(chainId).version;
    return version !== undefined && version !== own && versions.has(version);
  }

  #lose(run: ActiveRun, done: Findings): void {
    this.#line.markLost(run);
    done.lost++;
    this.#note(done, this.#line.startNext(run.threadId, done));
  }

  #note(done: Findings, started: StartedRun | undefined): void {
    if (started) done.started.push(started);
  }
}

function hasRoom({ places, suspects }: Room, run: Orphan): boolean {
  return places > 0 && (suspects > 0 || !isSuspect(run));
}

function isSuspect({ recoveries }: Orphan): boolean {
  return recoveries >= SUSPECT_RECOVERIES;
}

/** A run that was given up by a living process goes on, however often others died with it. */
function isSpent({ recoveries, isReleased }: Orphan): boolean {
  return !isReleased && recoveries >= RECOVERY_PAUSES_MS.length;
}
