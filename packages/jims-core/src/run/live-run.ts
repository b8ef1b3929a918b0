import { AsyncLocalStorage } from 'node:async_hooks';

import { JimsError } from '../errors.ts';
import type { ContextOutput } from '../thread/thread-context.ts';
import type { CancelReason } from './run-events.ts';
import { createRunStream } from './run-stream.ts';
import type { RunStream } from './run-stream.ts';
import type { RunLimits } from './run.ts';

/** Why a run was told to stop. */
export type StopReason = CancelReason | 'deadline' | 'lost';

/** What a run is inside the process that runs it. */
export interface LiveRun {
  readonly id: string;
  readonly threadId: string;
  readonly stream: RunStream;
  readonly signal: AbortSignal;
  /** Where the run's contexts write; closed when the run is over. */
  readonly output: ContextOutput;
  /** How much was sent so far. */
  readonly sentBytes: number;
  readonly stopReason: StopReason | undefined;
  /** Aborts the signal. Only the first reason counts. */
  stop(reason: StopReason): void;
  /** Fails the run with an error that its pipeline did not catch. */
  fail(error: unknown): void;
  /** Runs a pipeline in the scope of this run, until it is done, has failed or was given up. */
  attend(pipeline: () => Promise<void>): Promise<void>;
  close(): void;
}

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

export function createLiveRun(
  { id, threadId }: { readonly id: string; readonly threadId: string },
  limits: RunLimits,
): LiveRun {
  const stream = createRunStream();
  const controller = new AbortController();
  const givenUp = Promise.withResolvers<never>();
  givenUp.promise.catch(() => {});
  const pending: Promise<unknown>[] = [];
  const meter = createMeter(limits.maxOutputBytes);
  let stopReason: StopReason | undefined;
  let closed = false;
  let grace: NodeJS.Timeout | undefined;

  function write(bytes: number): void {
    if (closed) throw new JimsError('run_over', 'The run is over: nothing can be sent any more');
    meter.add(bytes);
  }

  const run: LiveRun = {
    id,
    threadId,
    stream,
    signal: controller.signal,
    output: {
      event(event) {
        write(sizeOf(event.data));
        stream.push({ type: 'event', event });
      },
      status(status) {
        write(status.message.length);
        stream.push({ type: 'status', status });
      },
      delta(delta) {
        write(delta.delta.length);
        stream.push({ type: 'delta', ...delta });
      },
      pending(work) {
        work.catch(() => {});
        pending.push(work);
      },
    },
    get sentBytes() {
      return meter.used;
    },
    get stopReason() {
      return stopReason;
    },
    stop(reason) {
      if (stopReason || closed) return;
      stopReason = reason;
      grace = setTimeout(() => givenUp.reject(controller.signal.reason), limits.graceMs);
      controller.abort(new DOMException(`The run was stopped: ${reason}`, 'AbortError'));
    },
    fail: (error) => givenUp.reject(error),
    attend(pipeline) {
      const work = scope.run(run, async () => {
        await pipeline();
        for (const each of pending) await each;
      });
      return Promise.race([work, givenUp.promise]);
    },
    close() {
      closed = true;
      clearTimeout(grace);
    },
  };
  return run;
}

/** Each thing sent counts with a little more than its text, so that empty ones are bounded, too. */
function createMeter(maxBytes: number): { add(bytes: number): void; readonly used: number } {
  const overhead = 100;
  let used = 0;
  return {
    add(bytes) {
      used += bytes + overhead;
      if (used <= maxBytes) return;
      throw new JimsError(
        'pipeline_failed',
        `The pipeline sent more than ${maxBytes} bytes in one run`,
      );
    },
    get used() {
      return used;
    },
  };
}

function sizeOf(data: object): number {
  return Object.values(data).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : 50),
    0,
  );
}
