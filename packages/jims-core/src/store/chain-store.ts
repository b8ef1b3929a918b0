import type { JsonObject, ThreadEvent } from '../thread/event.ts';
import type { Audience, JournalEntry, KeptRun, QuestionRecord, RunChain } from './chain-records.ts';
import type { AcceptedRun, RunOwner, RunStatus } from './run-store.ts';

/**
 * Durable runs: the journals by which their pipelines are executed again, the questions that they wait
 * for, and how they come from one process to another.
 *
 * A *chain* is the runs that one execution of a pipeline is spread over. It has the id of the run that
 * began it. A run that asked a question is `completed`; the answer is a new run, which continues the chain.
 */
export interface ChainStore {
  /**
   * Keeps results of a run, in their order. Only the process that has this attempt of the running run
   * may do so: another one gets `fenced`, and nothing is kept. What was kept counts as progress: the run
   * is not a suspect any more. The same entries once more, as after an answer that was lost, change nothing.
   */
  storeEntries(run: RunOwner, entries: readonly JournalEntry[]): Promise<'stored' | 'fenced'>;
  /** All that a chain is executed again by; `undefined` when there is no such chain. */
  loadChain(chainId: string): Promise<ChainRecord | undefined>;
  /**
   * Gives a durable run up without ending it: it keeps its place, belongs to {@link NOBODY}, and may be
   * recovered at once. That does not count as one of its recoveries.
   */
  releaseRun(run: RunOwner): Promise<'released' | 'fenced'>;
  /** The durable runs that this process has, running or in queues. */
  durableRunsOf(instanceId: string): Promise<readonly RunOwner[]>;
  /**
   * Takes a failed run of {@link RETRIED_CODES} once more, as its next attempt: in its old place if no
   * run of its thread has begun since, else at the end of the line.
   */
  retryRun(request: RetryRequest): Promise<RetryResult>;
  question(questionId: string): Promise<QuestionRecord | undefined>;
  /** Questions, oldest first. */
  listQuestions(query: QuestionQuery): Promise<QuestionList>;
  /** What a start on this database would recover and expire. */
  standing(): Promise<StandingWork>;
}

/** The instance of a run that waits for a process: the nil UUID. */
export const NOBODY = '00000000-0000-0000-0000-000000000000';
/** How long a run waits before its first recovery, its second, and so on; then it is `lost`. */
export const RECOVERY_PAUSES_MS: readonly number[] = [0, 2000, 8000, 30_000, 60_000];
/** A run that was recovered so often without progress is a suspect: it may be what ends its processes. */
export const SUSPECT_RECOVERIES = 2;
/** How many questions to services one thread may have open. */
export const MAX_SERVICE_QUESTIONS = 20;
/** Failures after which the same request, or a service, may have a durable run executed once more. */
export const RETRIED_CODES: readonly string[] = [
  'lost',
  'pipeline_changed',
  'shutting_down',
  'store_unavailable',
];

/** How long the results of a run that failed are kept for that. */
export const RETRIED_FOR_MS: number = 30 * 24 * 3_600_000;

/** All that is kept of a chain. */
export interface ChainRecord {
  readonly chainId: string;
  readonly kept: KeptRun;
  readonly config: JsonObject;
  readonly entries: readonly JournalEntry[];
  /** Its runs, oldest first, the one that is executed included. */
  readonly runs: readonly ChainRun[];
}

/** A run as its chain's later executions need it. */
export interface ChainRun {
  readonly runId: string;
  readonly continues: string | undefined;
  readonly status: RunStatus;
  /** When it was first started; `undefined` for a run that waits. */
  readonly startedAt: string | undefined;
  /** What started it, once that is in the log. */
  readonly incoming: ThreadEvent | undefined;
  /** The events that it ended with, in their order. */
  readonly events: readonly ThreadEvent[];
}

export interface QuestionQuery {
  readonly audience?: Audience;
  readonly threadId?: string;
  readonly contactId?: string;
  readonly state?: QuestionRecord['state'];
  /** Those that come after the question with this id. */
  readonly after?: string;
  readonly limit: number;
}

export interface QuestionList {
  readonly questions: readonly QuestionRecord[];
  readonly more: boolean;
}

export interface StandingWork {
  /** Durable runs that a process that starts now may recover. */
  readonly runs: number;
  readonly questions: number;
}

/** A run that came to this process from a dead one, or from one that gave it up. */
export interface RecoveredRun extends AcceptedRun {
  readonly chain: RunChain;
  /** How often it was recovered without progress, this time included. */
  readonly recoveries: number;
}

export interface RetryRequest {
  readonly runId: string;
  readonly instanceId: string;
}

export type RetryResult =
  | RecoveredRun
  | { readonly kind: 'run_not_found' }
  /** It is active, or ended otherwise. */
  | { readonly kind: 'not_retried'; readonly status: RunStatus }
  | { readonly kind: 'queue_full' };
