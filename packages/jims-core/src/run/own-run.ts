import type { Thread } from '../thread/thread.ts';
import type { LiveRun } from './live-run.ts';
import type { RunEnd, RunPosition } from './run-events.ts';
import type { ListenOptions, RunEvents } from './run-stream.ts';
import type { Run } from './run.ts';

/** A run of this process, for its listeners. A class: thousands of them are open at once. */
export class OwnRun implements Run {
  readonly id: string;
  readonly thread: Thread;
  readonly createdThread: boolean;
  readonly replayed = false;
  readonly #live: LiveRun;

  constructor(live: LiveRun, thread: Thread, createdThread: boolean) {
    this.id = live.id;
    this.thread = thread;
    this.createdThread = createdThread;
    this.#live = live;
  }

  get end(): Promise<RunEnd> {
    return this.#live.stream.end;
  }

  get attempt(): number {
    return this.#live.stream.attempt;
  }

  get endPosition(): RunPosition | undefined {
    return this.#live.stream.endPosition;
  }

  listen(options?: ListenOptions): RunEvents {
    return this.#live.stream.listen(options);
  }

  attach(leaving: 'continue' | 'cancel'): () => void {
    return this.#live.attach(leaving);
  }

  cancel(): void {
    this.#live.stop('cancelled');
  }
}
