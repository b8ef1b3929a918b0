import { strangeCanary } from '../check/canaries.ts';
import type { Checks } from '../check/checks.ts';
import { codeOf, errorKind } from './answers.ts';
import type { Json } from './answers.ts';
import type { Answer, Message } from './message.ts';

/** Sees whatever comes back for a message, and notes in it what its sender now knows. */
export interface Witness {
  /** The headers of an answer: which run it is, in which thread. */
  named(message: Message, response: Response): void;
  acknowledged(message: Message): void;
  /** Any words. */
  read(message: Message, text: string): void;
  /** An answer that is not a success. */
  refused(message: Message, status: number, code: string | undefined, text: string): Answer;
  /** An answer of JSON; of a success, the body says what it means. */
  json(
    message: Message,
    response: Response,
    onSuccess: (body: Json) => Answer | Promise<Answer>,
  ): Promise<Answer>;
}

export function createWitness(checks: Checks): Witness {
  function named(message: Message, { headers }: Response): void {
    const [runId, threadId] = [headers.get('x-jims-run-id'), headers.get('x-jims-thread-id')];
    if (runId === null || threadId === null) return;
    checks.that('I6', message.runId === undefined || message.runId === runId, () => {
      return `${message.id} has two runs for one key: ${message.runId} and ${runId}`;
    });
    message.runId = runId;
    message.threadId = threadId;
  }

  function acknowledged(message: Message): void {
    message.ackedAt ??= performance.now();
  }

  function read({ contact }: Message, text: string): void {
    const other = strangeCanary(text, contact);
    checks.that('I9', other === undefined, () => `${contact} was shown ${other}: ${text}`);
  }

  function refused(
    message: Message,
    status: number,
    code: string | undefined,
    text: string,
  ): Answer {
    const kind = errorKind(message, status, code);
    checks.that('answer', kind !== undefined, () => {
      return `${message.id} (${message.text}) got ${status}: ${text.slice(0, 300)}`;
    });
    if (kind === 'failed' || kind === 'cancelled') acknowledged(message);
    return { kind: kind ?? 'retry', status, ...(code !== undefined && { code }) };
  }

  return {
    named,
    acknowledged,
    read,
    refused,
    async json(message, response, onSuccess) {
      const text = await response.text();
      read(message, text);
      named(message, response);
      const body: Json = text.startsWith('{') ? JSON.parse(text) : {};
      if (!response.ok) return refused(message, response.status, codeOf(body), text);
      acknowledged(message);
      const replayed = response.headers.has('idempotency-replayed');
      return { ...(await onSuccess(body)), ...(replayed && { replayed }) };
    },
  };
}
