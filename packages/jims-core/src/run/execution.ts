import type { RunLlm } from '../llm/run-llm.ts';
import type {
  AcceptedRun,
  RunOutcomeRecord,
  RunOwner,
  RunProgress,
  StartedRun,
} from '../store/store.ts';
import type { RunEngineOptions } from './engine.ts';
import type { EventCache } from './event-cache.ts';
import type { LiveRun } from './live-run.ts';
import type { Outage } from './outage.ts';
import type { RunRequest } from './run.ts';

/** An accepted run, and what it is executed with. */
export interface Execution extends RunEngineOptions {
  readonly run: LiveRun;
  readonly owner: RunOwner;
  readonly request: RunRequest;
  readonly accepted: AcceptedRun;
  /** Resolves when a queued run may begin. */
  readonly turn: Promise<void>;
  readonly events: EventCache;
  readonly llm: RunLlm;
  /** What the run has told and the store does not know yet. */
  readonly rest: () => readonly RunProgress[];
  readonly onTurn: () => void;
  /** Aborts when the app is closed: then nothing is tried again. */
  readonly closing: AbortSignal;
  /** How the ends of runs reach the database. */
  readonly endings: Outage;
  /** This run is over, and the next in line was started. */
  readonly onNext: (next: StartedRun) => void;
}

/** How it ended, as far as its pipeline decides. */
export type OutcomeRecord = Omit<RunOutcomeRecord, 'lastSeq' | 'progress'>;
