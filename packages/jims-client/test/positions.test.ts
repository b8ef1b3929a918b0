// A position is moved past what was taken, and never past what was not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { JimsClient } from '../src/index.ts';
import type { ThreadEvent } from '../src/index.ts';
import { isSettled, textsOf, until } from './support/until.ts';

const THREAD = '00000000-0000-0000-0000-00000000000a';
const SSE = { 'content-type': 'text/event-stream' };

function stored(number: number, role: 'user' | 'assistant'): ThreadEvent {
  return {
    event_id: `00000000-0000-0000-0000-00000000000${number}`,
    created_at: `2026-11-26T12:00:00.00000${number}Z`,
    event_type: role === 'user' ? 'comm.user_message' : 'comm.assistant_message',
    event_data: { role, content: `${role} ${number}` },
  };
}

function positionOf({ created_at, event_id }: ThreadEvent): string {
  return `${created_at.replaceAll(/\D/g, '')}.${event_id.replaceAll('-', '')}`;
}

function frameOf(event: ThreadEvent): string {
  return `id: ${positionOf(event)}\nevent: ${event.event_type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A service with one thread, as its log is at the moment; `tails` are the connections at its end. */
class Script {
  readonly log: ThreadEvent[] = [];
  readonly tails: ReadableStreamDefaultController<Uint8Array>[] = [];
  /** What a message is answered with. */
  onChat: () => Promise<Response> = () => assert.fail('nothing is sent');

  readonly fetch = async (address: string, { headers, signal }: RequestInit): Promise<Response> => {
    const { pathname, searchParams } = new URL(address);
    if (pathname.endsWith('/chat/stream')) return this.onChat();
    if (pathname.startsWith('/api/v1/runs/')) return new Response(ended(), { headers: SSE });
    if (pathname.endsWith('/runs')) return Response.json({ runs: [], next_cursor: null });
    if (pathname.endsWith('/feedback')) return Response.json({ feedback: [], next_cursor: null });
    if (!pathname.endsWith('/events')) {
      return Response.json({ thread_id: THREAD, title: null, contact_id: 'ann' });
    }
    const sent = new Headers(headers);
    const after = sent.get('last-event-id') ?? searchParams.get('cursor') ?? '';
    const events = this.log.filter((event) => positionOf(event) > after);
    if (sent.get('accept') !== SSE['content-type']) {
      return Response.json({ events, next_cursor: null });
    }
    const body = new ReadableStream<Uint8Array>({
      start: (tail) => {
        this.tails.push(tail);
        for (const event of events) write(tail, frameOf(event));
        signal?.addEventListener('abort', () => tail.error(signal.reason));
      },
    });
    return new Response(body, { headers: SSE });
  };

  /** Something is stored; `cut` is what a connection brings of it, with the dirt of the network. */
  store(event: ThreadEvent, cut?: string): void {
    this.log.push(event);
    const tail = this.tails.at(-1);
    if (tail) write(tail, cut ?? frameOf(event));
  }
}

function write(tail: ReadableStreamDefaultController<Uint8Array>, text: string): void {
  tail.enqueue(new TextEncoder().encode(text));
}

function ended(): string {
  return 'id: 1.1\nevent: result\ndata: {}\n\n';
}

const tailing = (script: Script, count: number): Promise<void> =>
  new Promise((resolve) => {
    const look = (): unknown => (script.tails.length >= count ? resolve() : setTimeout(look, 1));
    look();
  });

describe('the position in a stream', () => {
  test('an id whose event the network has cut off moves nothing: the event is read again', async (t) => {
    const script = new Script();
    script.log.push(stored(1, 'user'), stored(2, 'assistant'));
    const jims = new JimsClient({ url: 'http://service', fetch: script.fetch });
    const chat = jims.openChat({ threadId: THREAD });
    t.after(chat.close);
    chat.subscribe(() => {});
    await tailing(script, 1);
    const third = stored(3, 'user');
    script.store(third, `id: ${positionOf(third)}\nevent: comm.us\u0001x\n\n`);
    script.tails.at(-1)?.error(new TypeError('cut'));
    await tailing(script, 2);
    script.store(stored(4, 'assistant'));
    const all = await until(chat, ({ messages }) => messages.length >= 4, 5000);
    assert.deepEqual(
      textsOf(all),
      script.log.map(({ event_data: { role, content } }) => `${String(role)}: ${String(content)}`),
    );
  });

  test('what came while messages were on their way is read again, from before it', async (t) => {
    const script = new Script();
    const accepted = Promise.withResolvers<void>();
    const answers = [async () => {}, async () => accepted.promise];
    const ids = [stored(1, 'user').event_id, stored(5, 'user').event_id];
    script.onChat = async () => {
      const index = 2 - answers.length;
      await answers.shift()?.();
      script.store(stored(index === 0 ? 1 : 5, 'user'));
      script.store(stored(index === 0 ? 2 : 6, 'assistant'));
      const headers = { ...SSE, 'x-jims-run-id': ids[index] ?? '', 'x-jims-thread-id': THREAD };
      return new Response(ended(), { headers });
    };
    const jims = new JimsClient({ url: 'http://service', fetch: script.fetch });
    const chat = jims.openChat();
    t.after(chat.close);
    chat.subscribe(() => {});
    // The second one is on its way before the thread is there.
    const sent = [chat.send('user 1'), chat.send('user 5')];
    await sent[0];
    // Another tab says something meanwhile: in two pieces.
    script.store(stored(3, 'user'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    script.store(stored(4, 'assistant'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    accepted.resolve();
    await sent[1];
    const all = await until(
      chat,
      (snapshot) => isSettled(snapshot) && snapshot.messages.length >= 5,
      5000,
    );
    assert.deepEqual(
      textsOf(all),
      script.log.map(({ event_data: { role, content } }) => `${String(role)}: ${String(content)}`),
    );
  });
});
