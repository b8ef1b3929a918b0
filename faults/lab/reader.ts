import { setTimeout as sleep } from 'node:timers/promises';

import { strangeCanary } from '../check/canaries.ts';
import type { Checks } from '../check/checks.ts';
import { isNoAnswer } from './answers.ts';
import type { Cluster } from './cluster.ts';
import type { Random } from './random.ts';

export interface BrowseOptions {
  readonly cluster: Pick<Cluster, 'pick'>;
  readonly checks: Checks;
  readonly random: Random;
  readonly contacts: readonly string[];
  readonly until: number;
}

/** Reads what there is about contacts, and tries one contact's thread under another's name. */
export async function browse(options: BrowseOptions): Promise<void> {
  const { cluster, checks, random, contacts, until } = options;
  const threads = new Map<string, string>();

  async function read(url: string, contact: string): Promise<string> {
    const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
    const text = await response.text();
    const other = strangeCanary(text, contact);
    checks.that('I9', other === undefined, () => `${url} shows ${other} to ${contact}`);
    checks.that('answer', response.ok || isNoAnswer(response.status), () => {
      return `${url} got ${response.status}: ${text.slice(0, 300)}`;
    });
    return response.ok ? text : '{}';
  }

  async function trespass(origin: string, contact: string): Promise<void> {
    const [stranger, threadId] = random.pick([...threads]);
    if (stranger === contact) return;
    const response = await fetch(`${origin}/api/v1/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ contact_id: contact, thread_id: threadId, message: 'x' }),
      signal: AbortSignal.timeout(3000),
    });
    await response.text();
    checks.that('I9', response.status === 404 || isNoAnswer(response.status), () => {
      return `${contact} was let into the thread of ${stranger}: ${response.status}`;
    });
  }

  async function look(origin: string): Promise<void> {
    const contact = random.pick(contacts);
    const list = await read(`${origin}/api/v1/threads?contact_id=${contact}`, contact);
    const threadId = /"thread_id": ?"([^"]+)"/.exec(list)?.[1];
    if (threadId === undefined) return;
    threads.set(contact, threadId);
    await read(`${origin}/api/v1/threads/${threadId}/events?limit=200`, contact);
    await read(`${origin}/api/v1/contacts/${contact}/export`, contact);
    await trespass(origin, contact);
  }

  while (performance.now() < until) {
    const server = cluster.pick(random);
    // A process may be killed during the request: that is not this reader's concern.
    if (server) await look(server.url).catch(() => {});
    await sleep(random.between(100, 300));
  }
}
