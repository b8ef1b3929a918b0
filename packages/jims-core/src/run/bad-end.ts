import { isJimsError, isUnavailable } from '../errors/jims-error.ts';
import type { JimsError } from '../errors/jims-error.ts';
import type { RunOwner } from '../store/store.ts';
import { cutText } from '../text/clean-text.ts';
import type { NewEvent } from '../thread/event.ts';
import type { RunEndings } from './run-endings.ts';
import type { CancelReason, RunEnd } from './run-events.ts';
import { failureOf } from './run-failure.ts';
import type { RunOutcome } from './run-outcome.ts';
import { isCancel } from './stop-switch.ts';
import type { StopReason } from './stop-switch.ts';

export interface BadEndOptions {
  readonly owner: RunOwner;
  readonly endings: RunEndings;
  readonly outcome: RunOutcome;
  /** Whether another process can go on with the run. */
  readonly isDurable: boolean;
  /** Whether its client can send it again, so that it runs again. */
  readonly hasKey: boolean;
}

/** Why a run has no result. */
export interface BadEndCause {
  readonly reason: StopReason | undefined;
  readonly error: unknown;
  /** Whether its pipeline threw the error, whatever that looks like. */
  readonly isThrown: boolean;
  /** What its user has seen of it. */
  readonly seen: readonly NewEvent[];
}

/** The pipeline has come to a call that another process makes. */
export class Parked extends Error {}

const MAX_RECORDED_MESSAGE = 4000;

const GOES_ON: RunEnd = { type: 'cancelled', reason: 'shutting_down', events: [], goesOn: true };

const CANCELLED: Record<CancelReason, string> = {
  cancelled: 'The run was cancelled',
  interrupted: 'A newer message took the place of the run',
  disconnected: 'The run was cancelled, as its client left',
  shutting_down: 'The run was cancelled, as its process ended',
};

/** The end of a run without a result: it was stopped, has failed, or is left to another process. */
export class BadEnd {
  readonly #options: BadEndOptions;

  constructor(options: BadEndOptions) {
    this.#options = options;
  }

  /** Stores the end, as far as there is one. Never rejects. */
  async store(cause: BadEndCause): Promise<RunEnd> {
    const { reason, error, seen } = cause;
    if (this.#options.isDurable && goesOnElsewhere(cause)) return this.#leaveToOthers(cause);
    if (isCancel(reason)) return this.#cancelled(reason, seen);
    return this.#failed(failureOf(reason, error));
  }

  /** A durable run does not end with its process. One that this process has lost may be over. */
  async #leaveToOthers({ reason, error }: BadEndCause): Promise<RunEnd> {
    const { owner, endings } = this.#options;
    const end = reason === 'lost' || isLost(error) ? await this.#endElsewhere() : GOES_ON;
    // It may be that only the database was away, and that no other process has it.
    if (end === GOES_ON) await endings.release(owner);
    return end;
  }

  /** The end of a run that this process has lost: a durable one goes on in another process. */
  async #endElsewhere(): Promise<RunEnd> {
    const { owner, endings, isDurable } = this.#options;
    const end = await endings.lookUp(owner);
    return isDurable && end.type === 'error' && isLost(end.error) ? GOES_ON : end;
  }

  async #cancelled(reason: CancelReason, seen: readonly NewEvent[]): Promise<RunEnd> {
    const { owner, endings, outcome, hasKey } = this.#options;
    const error = { code: reason, message: CANCELLED[reason] };
    // The answer of the next attempt must not stand beside half an earlier one.
    const events = reason === 'shutting_down' && hasKey ? [] : seen;
    const record = outcome.record({ status: 'cancelled', events, error });
    const stored = await endings.storeSurely(owner, record);
    if (stored === 'fenced') return this.#endElsewhere();
    return { type: 'cancelled', reason, events: stored };
  }

  async #failed(failure: JimsError): Promise<RunEnd> {
    const { owner, endings, outcome } = this.#options;
    const { code, message } = failure;
    const error = { code, message: cutText(message, MAX_RECORDED_MESSAGE) };
    const record = outcome.record({ status: 'failed', events: [], error });
    const stored = await endings.storeSurely(owner, record);
    return stored === 'fenced' ? this.#endElsewhere() : { type: 'error', error: failure };
  }
}

/** Whether a stop is not meant for the run, so that another process goes on with it where it can. */
export function leavesRun(reason: StopReason | undefined): boolean {
  return reason === 'shutting_down' || reason === 'lost';
}

function goesOnElsewhere({ reason, error, isThrown }: BadEndCause): boolean {
  if (reason !== undefined) return leavesRun(reason);
  return error instanceof Parked || (!isThrown && (isUnavailable(error) || isLost(error)));
}

/** Whether an error says only that the run is not this process's, or that the database did not say more. */
function isLost(error: unknown): boolean {
  return isJimsError(error) && (error.code === 'lost' || error.code === 'store_unavailable');
}
