import { AsyncLocalStorage } from 'node:async_hooks';

import type { TraceIds } from '../telemetry/tracing.ts';
import type { CancelReason } from './run-events.ts';
import { RunOutput } from './run-output.ts';
import { RunStream } from './run-stream.ts';
import type { RunLimits } from './run.ts';

/** Why a run was told to stop. */
export type StopReason = CancelReason | 'deadline' | 'lost';

const scope = new AsyncLocalStorage<LiveRun>();

/**
 * Gives an uncaught error to the run whose pipeline left it behind: a rejection that nobody waits
 * for, a throw in a timer. Returns false when it comes from no run; for a process's last handlers.
 */
export function failCurrentRun(error: unknown): boolean {
  const run = scope.getStore();
  run?.fail(error);
  return run !== undefined;
}

/** What a run is inside the process that runs it. */
export class LiveRun {
  readonly id: string;
  readonly threadId: string;
  readonly stream: RunStream;
  /** Where the run's contexts write; closed when the run is over. */
  readonly output: RunOutput;
  /** The span of its pipeline, while somebody traces. */
  trace: TraceIds | undefined;
  readonly #limits: RunLimits;
  readonly #controller = new AbortController();
  #failure: { readonly error: unknown } | undefined;
  #giveUp: ((error: unknown) => void) | undefined;
  #stopReason: StopReason | undefined;
  #grace: NodeJS.Timeout | undefined;
  #readers = 0;
  /** Whether somebody left whose leaving means stop. */
  #stopsUnread = false;

  constructor(
    {
      id,
      threadId,
      attempt,
    }: { readonly id: string; readonly threadId: string; readonly attempt: number },
    limits: RunLimits,
  ) {
    this.id = id;
    this.threadId = threadId;
    this.stream = new RunStream(attempt);
    this.output = new RunOutput(this.stream, limits.maxOutputBytes);
    this.#limits = limits;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get stopReason(): StopReason | undefined {
    return this.#stopReason;
  }

  /** Aborts the signal. Only the first reason counts. */
  stop(reason: StopReason): void {
    if (this.#stopReason || this.output.closed) return;
    this.#stopReason = reason;
    this.#grace = setTimeout(() => this.fail(this.signal.reason), this.#limits.graceMs);
    this.#controller.abort(new DOMException(`The run was stopped: ${reason}`, 'AbortError'));
  }

  /** See `Run.attach`. */
  attach(leaving: 'continue' | 'cancel'): () => void {
    this.#readers++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#readers--;
      this.#stopsUnread ||= leaving === 'cancel';
      if (this.#readers === 0 && this.#stopsUnread) this.stop('disconnected');
    };
  }

  /** Fails the run with an error that its pipeline did not catch. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#giveUp?.(this.#failure.error);
  }

  /** Runs a pipeline in the scope of this run, until it is done, has failed or was given up. */
  attend(pipeline: () => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      if (this.#failure) reject(this.#failure.error);
      const work = scope.run(this, async () => {
        await pipeline();
        await this.output.settled();
      });
      work.then(resolve, reject);
    });
  }

  close(): void {
    this.output.close();
    clearTimeout(this.#grace);
  }
}
