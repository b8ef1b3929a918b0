import { JimsError } from '../errors/jims-error.ts';
import type { AgentStatus, ContextOutput } from '../pipeline/thread-context.ts';
import { jsonSize } from '../text/json-size.ts';
import { ASSISTANT_MESSAGE, eventDomain, newEvent } from '../thread/event.ts';
import type { NewEvent } from '../thread/event.ts';
import type { RunStream } from './run-stream.ts';

/** Counted for each send beside its text, so that empty ones are bounded, too. */
const OVERHEAD_BYTES = 100;

/** What the pipelines of a run send: it goes to the run's listeners, and is kept until it is stored. */
export class RunOutput implements ContextOutput {
  readonly #stream: RunStream;
  readonly #maxBytes: number;
  readonly #pending: Promise<unknown>[] = [];
  #sent: NewEvent[] = [];
  /** The number of the last run event that the stored part goes back to. */
  #storedSeq = 0;
  #sentBytes = 0;
  #isClosed = false;

  constructor(stream: RunStream, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
  }

  /** The events that are not stored yet. */
  get sent(): readonly NewEvent[] {
    return this.#sent;
  }

  /** How many bytes were sent so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /**
   * What the user has seen of the messages that are not stored, for a run that ends before its
   * pipeline does: the whole ones, and those still being streamed, marked `partial`.
   */
  seen(): readonly NewEvent[] {
    const messages = this.#sent.filter(({ type }) => eventDomain(type) === 'comm');
    const unfinished = new Map<string, string>();
    for (const each of this.#stream.since(this.#storedSeq)) {
      if (each.type === 'event') unfinished.delete(each.event.id);
      if (each.type !== 'delta') continue;
      const { messageId, delta } = each;
      unfinished.set(messageId, (unfinished.get(messageId) ?? '') + delta);
    }
    const partial = [...unfinished].map(([id, content]) =>
      newEvent(ASSISTANT_MESSAGE, { role: 'assistant', content, partial: true }, id),
    );
    return [...messages, ...partial];
  }

  event(event: NewEvent): void {
    this.#count(jsonSize(event.data));
    this.#stream.push({ type: 'event', event });
    this.#sent.push(event);
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

  /** Resolves when all pending work is done; rejects with the first error in the order of the calls. */
  async settled(): Promise<void> {
    for (const each of this.#pending) await each;
  }

  /** The first `count` of the sent events are in the log. */
  markStored(count: number): void {
    this.#sent = this.#sent.slice(count);
    this.#storedSeq = this.#stream.lastSeq;
  }

  /** Refuses everything from now on. */
  close(): void {
    this.#isClosed = true;
  }

  #count(bytes: number): void {
    if (this.#isClosed) {
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
