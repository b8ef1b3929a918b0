import { JimsError } from '../errors/jims-error.ts';
import type { AgentStatus, ContextOutput } from '../pipeline/thread-context.ts';
import { jsonSize } from '../text/json-size.ts';
import type { NewEvent } from '../thread/event.ts';
import type { RunStream } from './run-stream.ts';

/** Each thing sent counts with a little more than its text, so that empty ones are bounded, too. */
const OVERHEAD_BYTES = 100;

/** Passes what a run's contexts send on to its listeners, no more than it may be. */
export class RunOutput implements ContextOutput {
  readonly #stream: RunStream;
  readonly #maxBytes: number;
  readonly #pending: Promise<unknown>[] = [];
  #sentBytes = 0;
  #closed = false;

  constructor(stream: RunStream, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
  }

  /** How much was sent so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  event(event: NewEvent): void {
    this.#count(jsonSize(event.data));
    this.#stream.push({ type: 'event', event });
  }

  status(status: AgentStatus): void {
    this.#count(status.message.length + status.statusType.length);
    this.#stream.push({ type: 'status', status });
  }

  delta(delta: { readonly messageId: string; readonly delta: string }): void {
    this.#count(delta.delta.length);
    this.#stream.push({ type: 'delta', ...delta });
  }

  pending(work: Promise<unknown>): void {
    work.catch(() => {});
    this.#pending.push(work);
  }

  /** Resolves when nothing is pending any more; rejects as the first that failed did. */
  async settled(): Promise<void> {
    for (const each of this.#pending) await each;
  }

  /** Takes nothing any more. */
  close(): void {
    this.#closed = true;
  }

  #count(bytes: number): void {
    if (this.#closed) {
      throw new JimsError('run_over', 'The run is over: nothing can be sent any more');
    }
    this.#sentBytes += bytes + OVERHEAD_BYTES;
    if (this.#sentBytes <= this.#maxBytes) return;
    throw new JimsError(
      'pipeline_failed',
      `The pipeline sent more than ${this.#maxBytes} bytes in one run`,
    );
  }
}
