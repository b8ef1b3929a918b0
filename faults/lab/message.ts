import { canaryOf } from '../check/canaries.ts';
import type { Random } from './random.ts';

/** A question of a contact, and all that came back for it. */
export interface Message {
  readonly id: string;
  readonly contact: string;
  readonly text: string;
  /** Sent with each try, so that all of them are one run. */
  readonly key: string;
  readonly by: 'chat' | 'stream' | 'background';
  readonly onBusy: 'queue' | 'reject' | 'interrupt';
  /** Whether the pipeline answers this with an error. */
  readonly fails: boolean;
  firstSentAt: number;
  /** When the sender first knew that it was accepted. */
  ackedAt: number | undefined;
  runId: string | undefined;
  threadId: string | undefined;
  readonly answers: Answer[];
}

/** One answer. `lost` is not an answer: the connection broke, or it took too long. */
export interface Answer {
  readonly kind: 'result' | 'failed' | 'cancelled' | 'refused' | 'retry' | 'lost';
  readonly status: number;
  readonly code?: string;
  /** The assistant's messages, of a result or of what a cancelled run had said. */
  readonly said?: readonly string[];
  readonly replayed?: boolean;
}

export type Command = readonly [name: string, least: number, most: number];

export interface MessageSpec {
  readonly contact: string;
  readonly by: Message['by'];
  readonly command: Command;
  readonly onBusy?: Message['onBusy'];
}

const FAILING = new Set(['throw', 'late-throw', 'float', 'timer']);
let made = 0;

export function newMessage(random: Random, spec: MessageSpec): Message {
  const id = `m${++made}`;
  const [name, least, most] = spec.command;
  return {
    id,
    contact: spec.contact,
    text: `${id} ${canaryOf(spec.contact)} ${name} ${random.between(least, most)}`,
    key: `key-${id}-${random.between(0, 2 ** 31)}`,
    by: spec.by,
    onBusy: spec.onBusy ?? 'queue',
    fails: FAILING.has(name),
    firstSentAt: Number.POSITIVE_INFINITY,
    ackedAt: undefined,
    runId: undefined,
    threadId: undefined,
    answers: [],
  };
}

/** Whether its sender has the answer, or a reason why there is none. */
export function isSettled({ answers }: Message): boolean {
  const kind = answers.at(-1)?.kind;
  return kind !== undefined && kind !== 'retry' && kind !== 'lost';
}
