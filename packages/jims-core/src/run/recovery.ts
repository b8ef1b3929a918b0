import type { InstanceInfo, KeptRun, ReapRequest, RecoveredRun } from '../store/store.ts';
import { SUSPECT_RECOVERIES } from '../store/store.ts';
import type { Principal } from '../thread/principal.ts';
import type { RunLimits } from './run-limits.ts';
import type { RunRequest } from './run.ts';

export interface RecoveryOptions {
  readonly instanceId: string;
  readonly version: string | undefined;
  /** Whether the app's runs are durable. */
  readonly isDurable: boolean;
  /** Whether this process goes on with the runs of others at all. */
  readonly isOn: boolean;
  readonly limits: RunLimits;
}

/**
 * Says which runs of dead processes this one takes. It uses half of its places for them at most. Suspects,
 * which may be what ended their processes, are executed one at a time and after all others.
 */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #maxPlaces: number;
  readonly #recovered = new Set<RecoveredRun>();
  #isDraining = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#maxPlaces = Math.max(1, Math.floor(options.limits.maxRuns / 2));
  }

  /** What other processes may know of this one. */
  get about(): InstanceInfo {
    const { version, isDurable, isOn } = this.#options;
    return {
      durable: isDurable && isOn,
      draining: this.#isDraining,
      ...(version !== undefined && { version }),
    };
  }

  get request(): ReapRequest {
    const { instanceId, version, isDurable, isOn } = this.#options;
    const takes = isDurable ? 'all' : 'continued';
    const places = this.#isDraining ? 0 : this.#maxPlaces - this.#recovered.size;
    return {
      instanceId,
      recovers: isOn ? takes : 'none',
      places: Math.max(0, places),
      suspects: this.#recovered.size === 0 ? 1 : 0,
      ...(version !== undefined && { version }),
    };
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

/** Whether a run may be what ends its processes. */
export function isSuspect({ recoveries }: RecoveredRun): boolean {
  return recoveries > SUSPECT_RECOVERIES;
}

/** What is kept of a request, for the processes that may go on with its run. */
export function keptOf(request: RunRequest, version: string | undefined): KeptRun {
  const { principal, timeoutMs, requestId, caller, conversationStart, canAnswer } = request;
  return {
    ...(principal && { principal: identityOf(principal) }),
    ...(version !== undefined && { version }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(requestId !== undefined && { requestId }),
    ...(caller !== undefined && { caller }),
    ...(conversationStart && { conversationStart }),
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

/** Without what an app's own authentication may have added: that may be a token. */
function identityOf(principal: Principal): Principal {
  const { kind, id } = principal;
  return kind === 'service' ? { kind, id } : { kind, id, contactId: principal.contactId };
}
