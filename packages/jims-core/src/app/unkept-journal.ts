import { JimsError } from '../errors/jims-error.ts';
import type { ContextJournal, ReadMessage, StreamedMessage } from '../pipeline/context-journal.ts';
import type { StepOptions, StepScope } from '../pipeline/step.ts';
import type { ThreadLog } from '../pipeline/thread-log.ts';
import { doStep } from '../run/step-work.ts';
import { newId } from '../thread/new-id.ts';

/** The journal of a context that belongs to no run: everything is done, and nothing is kept. */
export class UnkeptJournal implements ContextJournal {
  readonly chainId: string = newId();
  readonly chainVersion = undefined;
  readonly log: ThreadLog;
  readonly #signal: AbortSignal;

  constructor(log: ThreadLog, signal: AbortSignal) {
    this.log = log;
    this.#signal = signal;
  }

  now(): number {
    return Date.now();
  }

  random(): number {
    return Math.random();
  }

  async step<T>(
    name: string,
    work: (scope: StepScope) => T | Promise<T>,
    options: StepOptions,
  ): Promise<T> {
    const idempotencyKey = `${this.chainId}/${name}/1`;
    const run = { signal: this.#signal, idempotencyKey, status: () => {} };
    return doStep(work, options, run);
  }

  async stream(work: ReadMessage, { source, options, send }: StreamedMessage): Promise<string> {
    const messageId = newId();
    const body = await work(messageId, source, options);
    send(body, messageId);
    return body.text;
  }

  async askContact(): Promise<never> {
    throw cannotAsk();
  }

  async askService(): Promise<never> {
    throw cannotAsk();
  }
}

function cannotAsk(): JimsError {
  return new JimsError('cannot_ask', 'A context that belongs to no run cannot ask anybody');
}
