import { SUSPECT_RECOVERIES } from '../store/store.ts';
import type {
  InstanceInfo,
  KeptRun,
  ReapRequest,
  RecoveredRun,
  RunChain,
  RunOwner,
  Store,
} from '../store/store.ts';
import { identityOf } from '../thread/principal.ts';
import { erased } from './run-failure.ts';
import type { RunnableApp } from './run-services.ts';
import type { RunRequest } from './run.ts';

export interface RecoveryOptions {
  readonly instanceId: string;
  readonly app: Pick<RunnableApp, 'code' | 'isDurable' | 'recovers' | 'limits'>;
}

/**
 * Says which runs of dead processes this one takes. It uses half of its places for them at most. Suspects,
 * which may be what ended their processes, come after all others, and each of them alone: one that ends
 * its process again takes no other recovered run with it.
 */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #maxPlaces: number;
  readonly #recovered = new Set<RecoveredRun>();
  /** Whether the last look found runs: there may be more that are no suspects. */
  #hasFoundRuns = true;
  #isDraining = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#maxPlaces = Math.max(1, Math.floor(options.app.limits.maxRuns / 2));
  }

  /** What other processes may know of this one. */
  get about(): InstanceInfo {
    const { code, isDurable, recovers } = this.#options.app;
    const { version } = code();
    return {
      durable: isDurable && recovers,
      draining: this.#isDraining,
      ...(version !== undefined && { version }),
    };
  }

  get request(): ReapRequest {
    const { instanceId, app } = this.#options;
    const { isDurable } = app;
    const { version } = app.code();
    const takes = isDurable ? 'all' : 'continued';
    const takesNothing = this.#isDraining || [...this.#recovered].some(isSuspect);
    const hasNoOther = this.#recovered.size === 0 && !this.#hasFoundRuns;
    return {
      instanceId,
      recovers: app.recovers ? takes : 'none',
      places: takesNothing ? 0 : Math.max(0, this.#maxPlaces - this.#recovered.size),
      suspects: hasNoOther ? 1 : 0,
      ...(version !== undefined && { version }),
    };
  }

  /** A look for runs has found so many. Returns whether to look again at once, for suspects now. */
  found(runs: number): boolean {
    const hadFoundRuns = this.#hasFoundRuns;
    this.#hasFoundRuns = runs > 0;
    return hadFoundRuns && runs === 0;
  }

  /** Counts a run that this process has taken; call what it returns when the run is over. */
  begin(run: RecoveredRun): () => void {
    this.#recovered.add(run);
    return () => this.#recovered.delete(run);
  }

  /** Takes nothing more from now on. */
  close(): void {
    this.#isDraining = true;
  }
}

/** Whether a run may be what ended its processes: it was recovered often, and came no further. */
function isSuspect({ recoveries }: RecoveredRun): boolean {
  return recoveries > SUSPECT_RECOVERIES;
}

/** What is kept of a request, for the processes that may go on with its run. */
export function keptOf(request: RunRequest, version: string | undefined): KeptRun {
  const { principal, timeoutMs, requestId, caller, conversationStart, greets, canAnswer } = request;
  return {
    ...(principal && { principal: identityOf(principal) }),
    ...(version !== undefined && { version }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(requestId !== undefined && { requestId }),
    ...(caller !== undefined && { caller }),
    ...(conversationStart && { conversationStart }),
    ...(greets && { greets }),
    ...(canAnswer === false && { canAnswer }),
    ...(request.stopsUnread && { stopsUnread: true }),
  };
}

/** The request of a run that is recovered. */
export function requestOf({ chain: { kept }, thread }: RecoveredRun): RunRequest {
  const { principal, timeoutMs, requestId, conversationStart } = kept;
  return {
    thread: { kind: 'thread', threadId: thread.id },
    ...(principal && { principal }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(requestId !== undefined && { requestId }),
    ...(conversationStart && { conversationStart }),
  };
}

/**
 * The chain of a run that has waited, if its message has meanwhile become the answer to a question that takes early
 * ones.
 *
 * @throws JimsError when it was erased.
 */
export async function joinedChain(
  store: Pick<Store, 'run' | 'loadChain'>,
  { runId, threadId }: Pick<RunOwner, 'runId' | 'threadId'>,
): Promise<RunChain | undefined> {
  const run = await store.run(runId);
  if (run?.continues === undefined) return undefined;
  const record = await store.loadChain(run.chainId);
  if (!record) throw erased(threadId);
  const { chainId, kept, config } = record;
  return { chainId, continues: run.continues, kept, config };
}
