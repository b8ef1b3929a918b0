// Conversations over a bad network, each compared with what the service has stored.
import assert from 'node:assert/strict';

import { JimsClient } from '../../src/index.ts';
import type { Chat, ChatSnapshot } from '../../src/index.ts';
import { isSettled, until } from './until.ts';

export interface Talk {
  /** Through the bad network. */
  readonly url: string;
  /** Whether a run outlives its process. Else it may be lost, when the page that began it is loaded anew. */
  readonly isDurable: boolean;
  /** Past it. */
  readonly service: string;
  readonly contactId: string;
  readonly random: () => number;
}

const MESSAGES = 3;
const SETTLING_MS = 300_000;

/**
 * A conversation with reloads of its page and a second tab. Every message must be there once, in the order of
 * the log, in both tabs, and every run must end.
 */
export async function converse({
  url,
  service,
  contactId,
  isDurable,
  random,
}: Talk): Promise<void> {
  const jims = new JimsClient({ url, contactId, silenceMs: 3000 });
  const greet = random() < 0.3;
  let chat = jims.openChat({ greet });
  let other: Chat | undefined;
  const said: string[] = [];
  const watched = new Watcher();
  try {
    watched.follow(chat);
    for (let count = 1; count <= MESSAGES; count++) {
      const text = `${contactId} message ${count}`;
      said.push(text);
      await sendSurely(other && random() < 0.4 ? other : chat, text);
      const { threadId } = chat.getSnapshot();
      if (!other && random() < 0.5) {
        other = jims.openChat({ threadId });
        watched.follow(other);
      }
      // A second message while the first is answered waits for it.
      if (random() < 0.8) await until(chat, isSettled, SETTLING_MS);
      if (random() < 0.3) {
        chat.close();
        chat = jims.openChat({ threadId });
        watched.follow(chat);
      }
    }
    const { threadId = '' } = chat.getSnapshot();
    for (const each of other ? [chat, other] : [chat]) {
      let stored: readonly string[];
      let shown: readonly string[];
      do {
        const log = (stored = await logOf(service, threadId));
        const isWhole = (snapshot: ChatSnapshot): boolean =>
          isSettled(snapshot) && snapshot.messages.length >= log.length;
        const { messages } = await until(each, isWhole, SETTLING_MS);
        shown = messages.map(({ id, text }) => `${id} ${text}`);
        // A run that was lost may have been sent again meanwhile, by the other tab.
      } while ((await logOf(service, threadId)).length > stored.length);
      assert.deepEqual(shown, stored);
    }
    const users = (await logOf(service, threadId)).flatMap((line) =>
      said.filter((text) => line.endsWith(` ${text}`) && !line.includes('wörld')),
    );
    assert.deepEqual(users.toSorted(), said.toSorted());
    const { runs } = await surely(() => new JimsClient({ url: service }).threads.runs(threadId));
    assert.equal(runs.length, MESSAGES + Number(greet));
    const ends = new Set(runs.map(({ status }) => status));
    if (isDurable) assert.deepEqual(ends, new Set(['completed']));
    watched.check();
  } finally {
    chat.close();
    other?.close();
  }
}

/** A person who sees that a message could not be sent sends it again. */
async function sendSurely(chat: Chat, text: string): Promise<void> {
  try {
    await chat.send(text);
  } catch {
    while (chat.getSnapshot().messages.some(({ state }) => state === 'failed')) {
      await chat.retry().catch(() => {});
    }
  }
}

/** The messages of a thread, when none of its runs goes on any more. */
async function logOf(service: string, threadId: string): Promise<string[]> {
  const jims = new JimsClient({ url: service });
  for (;;) {
    const { runs } = await surely(() => jims.threads.runs(threadId));
    if (runs.every(({ finished_at }) => finished_at !== null)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const page = { domain: 'comm', limit: 200 };
  const { events } = await surely(() => jims.threads.events(threadId, page));
  return events.map(({ event_id, event_data }) => `${event_id} ${String(event_data['content'])}`);
}

/** While the service is started again. */
async function surely<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch {
      // Once more.
    }
  }
}

/** Sees each snapshot: no message may be there twice, not even for a moment. */
class Watcher {
  readonly #faults: string[] = [];

  follow(chat: Chat): void {
    chat.subscribe(() => {
      const { messages } = chat.getSnapshot();
      for (const name of ['id', 'key'] as const) {
        const all = messages.map((message) => message[name]);
        if (new Set(all).size < all.length) this.#faults.push(`${name} twice: ${all.join(' ')}`);
      }
      const users = messages.filter(
        ({ role, type }) => role === 'user' && type === 'comm.user_message',
      );
      const texts = users.map(({ text }) => text);
      if (new Set(texts).size < texts.length) this.#faults.push(`said twice: ${texts.join(' | ')}`);
    });
  }

  check(): void {
    assert.deepEqual(this.#faults, []);
  }
}
