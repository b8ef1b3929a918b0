import type { Metrics } from 'jims-core';

import { HttpError } from './errors.ts';
import type { Principal } from './principal.ts';

/** So many large answers are made at once for one contact; each holds a page of a log. */
const AT_ONCE_FOR_CONTACT = 4;
/** The same for a service, which asks for many contacts. */
const AT_ONCE_FOR_SERVICE = 32;
/** So many requests of one caller wait for their turn; more are refused. */
const MOST_WAITING = 256;

/** Who reads a log: the caller of a request. */
interface Reader {
  readonly principal: Principal;
  readonly request: Request;
}

/** What takes the turns of all protocols. */
interface WithTurns {
  readonly turns: ReadingTurns;
}

/** What a log is read for: an answer lasts as long as its client takes to read it, a place does not. */
type Purpose = 'answer' | 'place';

/** Lets each caller read only so many logs at once: pages that nobody takes would fill the memory. */
export interface ReadingTurns {
  /**
   * Waits for the caller's turn; gives what ends it, to be called any number of times. It ends by itself
   * when the client leaves.
   *
   * @throws HttpError 429 `too_many_reads` when too many requests of this caller wait.
   */
  take(call: Reader, purpose: Purpose): Promise<() => void>;
}

/** Makes an answer of a log in the caller's turn; `end` is to be called when nothing of it is held any more. */
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

/** Looks into a log for where a message belongs, in the caller's turn. */
export async function lookUpInTurn<T>(
  { turns }: WithTurns,
  call: Reader,
  find: () => Promise<T>,
): Promise<T> {
  const end = await turns.take(call, 'place');
  try {
    return await find();
  } finally {
    end();
  }
}

interface Line {
  reading: number;
  readonly waiting: Set<() => void>;
}

export function createReadingTurns(metrics: Metrics): ReadingTurns {
  const lines = new Map<string, Line>();

  function refuse(): never {
    metrics.countRefusal('too_many_reads');
    throw new HttpError(
      429,
      'Too many requests of this caller are being answered: try again later',
      {
        code: 'too_many_reads',
        headers: { 'retry-after': '1' },
      },
    );
  }

  function leave(key: string, line: Line): void {
    line.reading--;
    const [next] = line.waiting;
    if (next) next();
    else if (line.reading === 0) lines.delete(key);
  }

  function lineOf(key: string): Line {
    const line = lines.get(key) ?? { reading: 0, waiting: new Set() };
    lines.set(key, line);
    return line;
  }

  return {
    async take({ principal, request: { signal } }, purpose) {
      const isContact = principal.kind === 'contact';
      const caller = isContact ? principal.contactId : principal.id;
      const key = JSON.stringify([purpose, principal.kind, caller]);
      const line = lineOf(key);
      if (line.reading < (isContact ? AT_ONCE_FOR_CONTACT : AT_ONCE_FOR_SERVICE)) line.reading++;
      else if (line.waiting.size < MOST_WAITING) await turnIn(line, signal);
      else refuse();
      let left = false;
      const end = (): void => {
        if (left) return;
        left = true;
        signal.removeEventListener('abort', end);
        leave(key, line);
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
      return end;
    },
  };
}

/** Whoever leaves while they wait has no turn. */
async function turnIn(line: Line, signal: AbortSignal): Promise<void> {
  const turn = Promise.withResolvers<void>();
  const enter = (): void => {
    line.waiting.delete(enter);
    signal.removeEventListener('abort', gone);
    line.reading++;
    turn.resolve();
  };
  const gone = (): void => {
    line.waiting.delete(enter);
    turn.reject(new HttpError(499, 'The client left before its turn', { code: 'disconnected' }));
  };
  line.waiting.add(enter);
  if (signal.aborted) gone();
  else signal.addEventListener('abort', gone, { once: true });
  await turn.promise;
}
