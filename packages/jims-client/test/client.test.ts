import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { serveApp } from '../../jims-api/test/support/listening-app.ts';
import { JimsClient } from '../src/index.ts';
import { until } from './support/until.ts';

describe('a client', () => {
  test('it sends a message and gets the answer, or follows it', async () => {
    await using served = await serveApp(async (ctx) => {
      ctx.updateAgentStatus('counting');
      await ctx.sendMessage(
        (async function* () {
          yield `${ctx.history.length} so far`;
        })(),
      );
    });
    const jims = new JimsClient({ url: `${served.origin}/`, contactId: 'ann' });
    const { assistant_messages, thread_id } = await jims.chat('Hi');
    assert.deepEqual(assistant_messages, ['1 so far']);
    const events: string[] = [];
    for await (const { event, data } of jims.stream('And now?', { threadId: thread_id })) {
      events.push(event === 'delta' ? data.delta : event);
    }
    assert.deepEqual(events, ['thread', 'status', '3 so far', 'event', 'result']);
    const other = await jims.chat('New', { newThread: true });
    assert.notEqual(other.thread_id, thread_id);
    assert.deepEqual(other.assistant_messages, ['1 so far']);
    const { threads } = await jims.threads.list();
    assert.deepEqual(
      threads.map(({ title }) => title),
      ['New', 'Hi'],
    );
    assert.equal((await jims.threads.rename(thread_id, 'Counting')).title, 'Counting');
    assert.equal(
      (await jims.threads.export(thread_id)).events.filter(({ event_type }) =>
        event_type.startsWith('comm.'),
      ).length,
      4,
    );
    await jims.threads.delete(thread_id);
    await assert.rejects(jims.threads.get(thread_id), {
      name: 'JimsApiError',
      status: 404,
      code: 'not_found',
    });
  });

  test('the same key is the same run, and a failed run is an error', async () => {
    let runs = 0;
    await using served = await serveApp((ctx) => {
      runs++;
      if (ctx.lastUserMessage === 'fail') throw new Error('kaboom');
      ctx.sendMessage('done');
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const options = { idempotencyKey: 'once' };
    await Promise.all([jims.chat('Hi', options), jims.chat('Hi', options)]);
    assert.equal(runs, 1);
    await assert.rejects(jims.chat('fail'), { code: 'pipeline_failed' });
    await assert.rejects(jims.chat('Hi', { eventType: 'not a type' }), {
      status: 422,
      code: 'invalid_request',
    });
    await assert.rejects(jims.chat('Hi', { signal: AbortSignal.abort() }), { code: 'aborted' });
  });

  test('a token that ran out is asked for once more, by all requests together', async () => {
    await using served = await serveApp((ctx) => ctx.sendMessage('done'), { apiKeys: ['new'] });
    const tokens = ['old', 'new'];
    let calls = 0;
    const token = (): string => tokens[calls++] ?? 'new';
    const jims = new JimsClient({ url: served.origin, contactId: 'ann', token });
    await Promise.all([jims.threads.list(), jims.chat('Hi'), jims.threads.list()]);
    assert.equal(calls, 2);
    const refused = new JimsClient({ url: served.origin, token: 'wrong' });
    await assert.rejects(refused.threads.list(), { status: 401, code: 'unauthorized' });
  });

  test('a new token that is refused, too, is an error; only a later request gets another one', async (t) => {
    await using served = await serveApp((ctx) => ctx.sendMessage('done'), { apiKeys: ['good'] });
    const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
    let isSignedIn = false;
    let calls = 0;
    const jims = new JimsClient({
      url: served.origin,
      contactId: 'ann',
      token: () => (calls++, isSignedIn ? 'good' : `old ${calls}`),
      async fetch(url, init) {
        if (url.endsWith('/app')) await isReleased;
        return fetch(url, init);
      },
    });
    const refused = { status: 401, code: 'unauthorized' };
    const slow = jims.request('/api/v1/app');
    const chat = jims.openChat({ threadId: crypto.randomUUID() });
    t.after(chat.close);
    await until(chat, ({ error }) => error?.code === 'unauthorized');
    assert.equal(calls, 2);
    release();
    await assert.rejects(slow, refused);
    assert.equal(calls, 2, 'it began with the first token');
    await assert.rejects(jims.threads.list(), refused);
    assert.equal(calls, 3);
    isSignedIn = true;
    await Promise.all([jims.threads.list(), jims.threads.list()]);
    assert.equal(calls, 4);
  });
});
