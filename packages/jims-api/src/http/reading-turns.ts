import type { Metrics } from 'jims-core';

import { HttpError } from './errors.ts';
import type { Principal } from './principal.ts';

/** How many large answers are made at once for one contact; each holds a page of a log. */
const AT_ONCE_FOR_CONTACT = 4;
/** The same for a service, which makes requests for many contacts. */
const AT_ONCE_FOR_SERVICE = 32;
/** How many requests of one caller wait for their turn; more are refused. */
const MAX_WAITING = 256;

/** A request that reads a log. */
interface Reader {
  readonly principal: Principal;
  readonly request: Request;
}

interface WithTurns {
  readonly turns: ReadingTurns;
}

/** What a log is read for: an answer lasts as long as its client takes to read it, a look-up does not. */
type Purpose = 'answer' | 'look-up';

/** Makes an answer from a log in the caller's turn; `end` is to be called when the answer holds nothing of it any more. */
export async function answerInTurn(
  { turns }: WithTurns,
  call: Reader,
  make: (end: () => void) => Promise<Response>,
): Promise<Response> {
  const end = await turns.take(call, 'answer');
  try {
    return await make(end);
  } catch (error) {
    end();
    throw error;
  }
}

/** Looks something up in a log in the caller's turn, such as where a message belongs. */
export async function lookUpInTurn<T>(
  { turns }: WithTurns,
  call: Reader,
  find: () => Promise<T>,
): Promise<T> {
  const end = await turns.take(call, 'look-up');
  try {
    return await find();
  } finally {
    end();
  }
}

interface Queue {
  reading: number;
  readonly waiting: Set<() => void>;
}

/** Lets each caller read only so many logs at once: pages that no client takes would fill the memory. */
export class ReadingTurns {
  readonly #metrics: Metrics;
  readonly #queues = new Map<string, Queue>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /**
   * Waits for the caller's turn and returns what ends it, which may be called more than once. The turn
   * also ends when the client leaves.
   *
   * @throws HttpError 429 `too_many_reads` when too many requests of this caller wait.
   */
  async take({ principal, request: { signal } }: Reader, purpose: Purpose): Promise<() => void> {
    const isContact = principal.kind === 'contact';
    const caller = isContact ? principal.contactId : principal.id;
    const key = JSON.stringify([purpose, principal.kind, caller]);
    const queue = this.#queue(key);
    if (queue.reading < (isContact ? AT_ONCE_FOR_CONTACT : AT_ONCE_FOR_SERVICE)) queue.reading++;
    else if (queue.waiting.size < MAX_WAITING) await turnIn(queue, signal);
    else this.#refuse();
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      signal.removeEventListener('abort', end);
      this.#leave(key, queue);
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    return end;
  }

  #queue(key: string): Queue {
    const queue = this.#queues.get(key) ?? { reading: 0, waiting: new Set() };
    this.#queues.set(key, queue);
    return queue;
  }

  #leave(key: string, queue: Queue): void {
    queue.reading--;
    const [next] = queue.waiting;
    if (next) next();
    else if (queue.reading === 0) this.#queues.delete(key);
  }

  #refuse(): never {
    this.#metrics.countRefusal('too_many_reads');
    const reason = 'Too many requests of this caller are being answered: try again later';
    throw new HttpError(429, reason, { code: 'too_many_reads', headers: { 'retry-after': '1' } });
  }
}

/** Resolves when it is this request's turn; rejects when its client leaves before. */
async function turnIn(queue: Queue, signal: AbortSignal): Promise<void> {
  const turn = Promise.withResolvers<void>();
  const enter = (): void => {
    queue.waiting.delete(enter);
    signal.removeEventListener('abort', gone);
    queue.reading++;
    turn.resolve();
  };
  const gone = (): void => {
    queue.waiting.delete(enter);
    turn.reject(new HttpError(499, 'The client left before its turn', { code: 'disconnected' }));
  };
  queue.waiting.add(enter);
  if (signal.aborted) gone();
  else signal.addEventListener('abort', gone, { once: true });
  await turn.promise;
}
