import { setTimeout as sleep } from 'node:timers/promises';

import { newMessage } from './message.ts';
import type { Command, Message } from './message.ts';
import type { SenderOptions } from './sender-options.ts';
import { createSender } from './sender.ts';

/** Who talks, and how. */
export interface TalkOptions extends SenderOptions {
  readonly contacts: readonly string[];
  /** Clients of each contact; more than one send to its thread at once. */
  readonly devices: number;
  /** New messages are sent until then. */
  readonly until: number;
  /** How long after that a message may take to be settled. */
  readonly settleMs: number;
  readonly commands: readonly (readonly [weight: number, command: Command])[];
  readonly by?: readonly (readonly [weight: number, by: Message['by']])[];
  readonly interruptChance?: number;
  /** How likely a settled message is sent again. */
  readonly againChance?: number;
  readonly pauseMs?: number;
  /** Called with each message before it is sent. */
  readonly onMessage?: (message: Message) => void;
}

/** Lets contacts talk at once, and resolves with all that they sent when all is settled, or late. */
export async function talk(options: TalkOptions): Promise<readonly Message[]> {
  const { contacts, devices, random } = options;
  const messages: Message[] = [];
  const threads = new Map<string, string>();
  await Promise.all(
    contacts.flatMap((contact) =>
      Array.from({ length: devices }, () =>
        talkFrom(contact, { ...options, random: random.fork() }, { messages, threads }),
      ),
    ),
  );
  return messages;
}

async function talkFrom(
  contact: string,
  options: TalkOptions,
  { messages, threads }: { messages: Message[]; threads: Map<string, string> },
): Promise<void> {
  const { random, until, settleMs, commands, checks, history } = options;
  const sender = createSender(options);
  const mine: Message[] = [];
  const ways = options.by ?? [[1, 'chat' as const]];
  while (performance.now() < until) {
    const threadId = threads.get(contact);
    const chosen = random.weighted(ways);
    const message = newMessage(random, {
      contact,
      by: chosen === 'background' && threadId === undefined ? 'chat' : chosen,
      command: random.weighted(commands),
      onBusy: random.chance(options.interruptChance ?? 0) ? 'interrupt' : 'queue',
    });
    if (message.by === 'background') message.threadId = threadId;
    messages.push(message);
    mine.push(message);
    options.onMessage?.(message);
    await sender.deliver(message, until + settleMs);
    if (message.threadId !== undefined) threads.set(contact, message.threadId);
    if (random.chance(options.againChance ?? 0)) await sender.sendAgain(random.pick(mine));
    await sleep(random.between(0, options.pauseMs ?? 30));
  }
  for (const message of mine) {
    const settled = message.answers.some(({ kind }) => kind !== 'retry' && kind !== 'lost');
    checks.that('I7', settled, () => {
      const last = message.answers.at(-1);
      return `${message.id} was never answered; ${message.answers.length} tries, the last one ${JSON.stringify(last)} (${history.file})`;
    });
  }
}
