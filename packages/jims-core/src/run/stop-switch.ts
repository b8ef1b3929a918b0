import { AsyncLocalStorage } from 'node:async_hooks';

import type { CancelReason } from './run-events.ts';
import type { RunControl } from './run.ts';

/** Why a run was stopped. */
export type StopReason = CancelReason | 'deadline' | 'lost';

const scope = new AsyncLocalStorage<StopSwitch>();

/**
 * Fails the run whose pipeline left an uncaught error behind: a rejection that nobody waits for, a
 * throw in a timer. Returns false when the error comes from no run. For the last handlers of a process.
 *
 * @example
 * process.on('unhandledRejection', (reason) => {
 *   if (!failCurrentRun(reason)) throw reason;
 * });
 */
export function failCurrentRun(error: unknown): boolean {
  const current = scope.getStore();
  current?.fail(error);
  return current !== undefined;
}

/** True when a run was stopped because somebody wanted it: that is not a failure. */
export function isCancel(reason: StopReason | undefined): reason is CancelReason {
  return reason !== undefined && reason !== 'deadline' && reason !== 'lost';
}

/** Stops the pipelines of a run: on request, when its readers have left, by an error left behind. */
export class StopSwitch implements RunControl {
  readonly #graceMs: number;
  readonly #onLateError: (error: unknown) => void;
  readonly #controller = new AbortController();
  #reason: StopReason | undefined;
  #failure: { readonly error: unknown } | undefined;
  #giveUp: ((error: unknown) => void) | undefined;
  #listener: ((reason: StopReason) => void) | undefined;
  #grace: NodeJS.Timeout | undefined;
  #isClosed = false;
  #readers = 0;
  /** Whether a reader has left that wants the run to stop when all have left. */
  #stopsUnread = false;

  /**
   * @param graceMs How long a pipeline may go on after it was stopped.
   * @param onLateError Gets what a pipeline throws after its run is over, unless the run was stopped. Default: ignored.
   */
  constructor(graceMs: number, onLateError: (error: unknown) => void = () => {}) {
    this.#graceMs = graceMs;
    this.#onLateError = onLateError;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Aborts the signal. Only the first reason counts. */
  stop(reason: StopReason): void {
    if (this.#reason || this.#isClosed) return;
    this.#reason = reason;
    this.#grace = setTimeout(() => this.fail(this.signal.reason), this.#graceMs);
    this.#listener?.(reason);
    this.#controller.abort(new DOMException(`The run was stopped: ${reason}`, 'AbortError'));
  }

  /**
   * Calls a listener when the run is stopped, before anything learns of it by the signal; at once when it was
   * stopped already. Returns what ends that. There is one listener at a time.
   */
  onStop(listener: (reason: StopReason) => void): () => void {
    this.#listener = listener;
    if (this.#reason) listener(this.#reason);
    return () => {
      this.#listener = undefined;
    };
  }

  cancel(): void {
    this.stop('cancelled');
  }

  /** The run has ended with a question: what the pipeline left behind may end. */
  leaveWaiting(): void {
    this.#controller.abort(new DOMException('The run waits for an answer', 'AbortError'));
  }

  /** See `Run.attach`. */
  attach(leaving: 'continue' | 'cancel'): () => void {
    this.#readers++;
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#readers--;
      this.#stopsUnread ||= leaving === 'cancel';
      if (this.#readers === 0 && this.#stopsUnread) this.stop('disconnected');
    };
  }

  /** Fails the run with an error that its pipeline did not catch. */
  fail(error: unknown): void {
    if (this.#isClosed && !this.signal.aborted) this.#onLateError(error);
    this.#failure ??= { error };
    this.#giveUp?.(this.#failure.error);
  }

  /** Does the work of a pipeline; settles when it is done, or fails, or the run has failed. */
  guard<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      if (this.#failure) reject(this.#failure.error);
      scope.run(this, work).then(resolve, reject);
    });
  }

  /** The pipelines are done: there is nothing left to stop. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#grace);
  }
}
