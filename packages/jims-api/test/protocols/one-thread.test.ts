// Messages of one chat that arrive together: one thread, whatever names it, on either store.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { describeStores } from '../../../jims-core/test/support/stores.ts';
import { testApiOn } from '../support/api.ts';

const AT_ONCE = 6;

interface Way {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the thread is called. */
  readonly externalId: string;
  readonly body: (text: string) => object;
}

const WAYS: Readonly<Record<string, Way>> = {
  'AI SDK': {
    path: '/ai-sdk/chat',
    externalId: 'jims:ai-sdk:chat',
    body: (text) => ({
      id: 'chat',
      contact_id: 'anna',
      messages: [{ role: 'user', parts: [{ type: 'text', text }] }],
    }),
  },
  'AG-UI': {
    path: '/ag-ui',
    externalId: 'jims:ag-ui:chat',
    body: (content) => ({
      threadId: 'chat',
      runId: crypto.randomUUID(),
      messages: [{ role: 'user', content }],
      forwardedProps: { contact_id: 'anna' },
    }),
  },
  'OpenAI chat': {
    path: '/v1/chat/completions',
    headers: { 'x-conversation-id': 'chat' },
    externalId: 'jims:openai-chat:chat',
    body: (content) => ({ user: 'anna', messages: [{ role: 'user', content }] }),
  },
  'OpenAI responses': {
    path: '/v1/responses',
    headers: { 'x-conversation-id': 'chat' },
    externalId: 'jims:openai-responses:chat',
    body: (input) => ({ user: 'anna', input }),
  },
  A2A: {
    path: '/a2a/rest/message:send',
    externalId: 'jims:a2a:chat',
    body: (text) => ({
      message: {
        messageId: crypto.randomUUID(),
        contextId: 'chat',
        role: 'ROLE_USER',
        parts: [{ text }],
      },
      metadata: { contact_id: 'anna' },
    }),
  },
};

function answer(ctx: ThreadContext): void {
  ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
}

describeStores(({ fresh }) => {
  for (const [protocol, { path, headers = {}, externalId, body }] of Object.entries(WAYS)) {
    test(`${protocol}: first messages at once make one thread`, async () => {
      await using database = await fresh();
      await using one = testApiOn(database.url, answer);
      // Two processes, where the store takes several.
      await using two = database.url.startsWith('sqlite') ? one : testApiOn(database.url, answer);
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, n) =>
          (n % 2 === 0 ? one : two).post(path, body(`m${n}`), headers),
        ),
      );
      for (const response of answers) {
        assert.equal(response.status, 200);
        await response.text();
      }
      const [thread, ...more] = (await one.app.threads.list({ contactId: 'anna', limit: 10 }))
        .threads;
      assert.deepEqual(more, []);
      assert.equal(thread?.externalId, externalId);
      const events = (await one.app.threads.events(thread.id, { domains: ['comm'], limit: 100 }))
        .events;
      const said = events.map(({ data }) => String(data['content']));
      assert.equal(new Set(said).size, 2 * AT_ONCE, said.join());
    });
  }

  test('a context of A2A that is refused leaves no thread', async () => {
    await using database = await fresh();
    await using api = testApiOn(
      database.url,
      (ctx) =>
        new Promise((_, reject) => {
          ctx.signal.addEventListener('abort', reject);
        }),
    );
    await api.app.open({ limits: { maxRuns: 1 } });
    const send = (contextId: string): Promise<Response> =>
      api.post('/a2a/rest/message:send', {
        message: { messageId: contextId, contextId, role: 'ROLE_USER', parts: [{ text: 'x' }] },
        configuration: { returnImmediately: true },
        metadata: { contact_id: 'anna' },
      });
    assert.equal((await send('first')).status, 200);
    assert.equal((await send('second')).status, 503);
    const threads = (await api.app.threads.list({ limit: 10 })).threads;
    assert.deepEqual(
      threads.map((thread) => thread.externalId),
      ['jims:a2a:first'],
    );
  });
});
