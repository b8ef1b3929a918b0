// What an answer of the service means to the sender of a message.
import type { Answer, Message } from './message.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Codes that say: send it again. */
const RETRY: ReadonlySet<string> = new Set([
  'store_unavailable',
  'lost',
  'shutting_down',
  'overloaded',
  'too_many_streams',
]);

/** What an answer means that is not a success; undefined when it should not have come. */
export function errorKind(
  message: Pick<Message, 'onBusy' | 'fails'>,
  status: number,
  code: string | undefined,
): Answer['kind'] | undefined {
  if (code !== undefined && RETRY.has(code)) return 'retry';
  // Of a connection that was opened while the process stood still.
  if (status === 408) return 'retry';
  switch (code) {
    case 'cancelled':
    case 'interrupted':
      return 'cancelled';
    case 'thread_busy':
      return message.onBusy === 'reject' ? 'refused' : undefined;
    case 'queue_full':
      return 'refused';
    case 'deadline':
      return 'failed';
    case 'pipeline_failed':
    case undefined:
      return message.fails && status === 500 ? 'failed' : undefined;
    default:
      return undefined;
  }
}

/** A run that was stopped; by the end of its process it may be sent again. */
export function stoppedAnswer(
  status: number,
  code: string | undefined,
  said: readonly string[],
): Answer {
  const kind = code === 'shutting_down' ? 'retry' : 'cancelled';
  return { kind, status, ...(code !== undefined && { code }), said };
}

/** The database is away, or the connection was opened while the process stood still. */
export function isNoAnswer(status: number): boolean {
  return status === 503 || status === 408;
}

/** No end was heard of, in all the time that there was. */
export const NO_END: Answer = { kind: 'lost', status: 0, code: 'no end' };

export function codeOf(body: Json): string | undefined {
  const code = body['code'];
  return typeof code === 'string' ? code : undefined;
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

export function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
