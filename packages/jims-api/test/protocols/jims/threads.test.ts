import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';
import { liveFrames } from '../../support/live-frames.ts';
import { talker } from '../../support/talker.ts';

const THREADS = '/api/v1/threads';
const CHAT = '/api/v1/chat';
const UNKNOWN = '0190d3a0-0000-7000-8000-000000000099';

describeStores(({ fresh }) => {
  test('a thread is made once, by its id or its external id', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const body = { contact_id: 'c', external_id: 'crm:1', thread_config: { lang: 'de' } };
    const made = await api.post(THREADS, body);
    const thread = await jsonOf(made);
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('location'), `${THREADS}/${String(thread['thread_id'])}`);
    assert.deepEqual(thread['thread_config'], { lang: 'de' });
    const again = await api.post(THREADS, body);
    assert.equal(again.status, 200);
    assert.deepEqual(await again.json(), thread);
    const byId = await api.post(THREADS, { contact_id: 'c', thread_id: thread['thread_id'] });
    assert.equal(byId.status, 200);
    assert.deepEqual(
      await (await api.get(`${THREADS}/${String(thread['thread_id'])}`)).json(),
      thread,
    );
    const foreign = await api.post(THREADS, { contact_id: 'd', external_id: 'crm:1' });
    assert.equal(foreign.status, 201, 'external ids are those of a contact');
    const taken = { contact_id: 'd', thread_id: thread['thread_id'] };
    assert.equal((await api.post(THREADS, taken)).status, 409);
  });

  test('threads are listed newest first, page by page, by contact and external id', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const made = await api.post(THREADS, { contact_id: 'c', external_id: `x${i}` });
      ids.unshift(String((await jsonOf(made))['thread_id']));
    }
    await api.post(THREADS, { contact_id: 'other' });
    const listed: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const more = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = await pageOf(api, `${THREADS}?contact_id=c&limit=2${more}`);
      listed.push(...page.threads.map(({ thread_id }) => thread_id));
      cursor = page.next_cursor;
    }
    assert.deepEqual(listed, ids);
    const one = await pageOf(api, `${THREADS}?external_id=x3`);
    assert.deepEqual(
      one.threads.map(({ thread_id }) => thread_id),
      [ids[1]],
    );
    assert.equal((await pageOf(api, THREADS)).threads.length, 6);
    assert.equal((await api.get(`${THREADS}?limit=0`)).status, 422);
    assert.equal((await api.get(`${THREADS}?cursor=nope`)).status, 422);
  });

  test('PATCH merges the config, and null takes a member out', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, (ctx) =>
      ctx.sendMessage(JSON.stringify(ctx.threadConfig)),
    );
    const { thread } = await api.app.threads.getOrCreate({
      contactId: 'c',
      threadConfig: { a: 1, b: 2 },
    });
    const patched = await api.send('PATCH', `${THREADS}/${thread.id}`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ thread_config: { b: null, c: { d: 3 } } }),
    });
    assert.deepEqual((await jsonOf(patched))['thread_config'], { a: 1, c: { d: 3 } });
    const answer = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'config?' }));
    assert.deepEqual(JSON.parse(String(Object(answer['assistant_messages'])[0])), {
      a: 1,
      c: { d: 3 },
    });
  });

  test('PATCH keeps the members that others set at the same time', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const { thread } = await api.app.threads.getOrCreate({ contactId: 'c' });
    const patch = (body: object): Promise<Response> =>
      api.send('PATCH', `${THREADS}/${thread.id}`, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const names = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const conversation = `/v1/conversations/conv_${thread.id.replaceAll('-', '')}`;
    await Promise.all([
      ...names.map((name) => patch({ thread_config: { [name]: 1 } })),
      api.post(conversation, { metadata: { topic: 'x' } }),
    ]);
    const { config } = (await api.app.threads.find(thread.id))?.thread ?? assert.fail();
    const all = names.map((name) => [name, 1]);
    assert.deepEqual(config, { ...Object.fromEntries(all), metadata: { topic: 'x' } });
  });

  test('events come in order, page by page, and only of the requested domains', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    await api.post(CHAT, { contact_id: 'c', message: 'one' });
    const answer = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'two' }));
    const path = `${THREADS}/${String(answer['thread_id'])}/events`;
    const all = await eventsOf(api, `${path}?limit=200`);
    assert.deepEqual(
      all.events.map(({ event_type }) => event_type),
      [
        'jims.lifecycle.thread_created',
        'comm.user_message',
        'state.set.last',
        'comm.assistant_message',
        'comm.user_message',
        'state.set.last',
        'comm.assistant_message',
      ],
    );
    const paged: TestEvent[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await eventsOf(api, `${path}?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      paged.push(...page.events);
      cursor = page.next_cursor;
    }
    assert.deepEqual(paged, all.events);
    const some = await eventsOf(api, `${path}?domain=state,jims`);
    assert.deepEqual(
      some.events.map(({ event_type }) => event_type),
      ['jims.lifecycle.thread_created', 'state.set.last', 'state.set.last'],
    );
    assert.equal((await api.get(`${path}?domain=*`)).status, 422);
  });

  test('a live tail sends what is there and what comes, and continues after an id', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const first = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'one' }));
    const path = `${THREADS}/${String(first['thread_id'])}/events?domain=comm`;
    const accept = { accept: 'text/event-stream' };
    const tail = liveFrames(await api.get(path, accept));
    const contents = async (count: number): Promise<unknown[]> => {
      const seen = [];
      for (let i = 0; i < count; i += 1) seen.push((await tail.next())?.data['event_data']);
      return seen.map((data) => Object(data).content);
    };
    assert.deepEqual(await contents(2), ['one', 'Echo: one']);
    await api.post(CHAT, { contact_id: 'c', message: 'two' });
    assert.deepEqual(await contents(1), ['two']);
    const last = await tail.next();
    await tail.leave();
    await api.post(CHAT, { contact_id: 'c', message: 'three' });
    await using again = liveFrames(
      await api.get(path, { ...accept, 'last-event-id': last?.id ?? '' }),
    );
    assert.equal(Object((await again.next())?.data['event_data']).content, 'three');
    const garbage = await api.get(path, { ...accept, 'last-event-id': 'x' });
    assert.equal(garbage.status, 400);
  });

  test('a deleted thread is gone with its events and runs, and what runs on it stops', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const { thread } = await api.app.threads.getOrCreate({ contactId: 'c' });
    const run = await jsonOf(await api.post(`${THREADS}/${thread.id}/runs`, { message: 'wait' }));
    const deleted = await api.send('DELETE', `${THREADS}/${thread.id}`);
    assert.equal(deleted.status, 204);
    assert.equal((await api.get(`${THREADS}/${thread.id}`)).status, 404);
    assert.equal((await api.get(`${THREADS}/${thread.id}/events`)).status, 404);
    assert.equal((await api.get(`/api/v1/runs/${String(run['run_id'])}`)).status, 404);
    const next = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'hi' }));
    assert.equal(next['created_new_thread'], true);
    // The same id once more is another thread: nothing of the old one comes back.
    await api.post(THREADS, { contact_id: 'c', thread_id: thread.id });
    const events = await eventsOf(api, `${THREADS}/${thread.id}/events`);
    assert.equal(events.events.length, 1);
  });

  test('a contact is exported whole, and erased whole', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const id = encodeURIComponent('customer/42 ü');
    await api.post(CHAT, { contact_id: 'customer/42 ü', message: 'mine' });
    await api.post(THREADS, { contact_id: 'customer/42 ü' });
    await api.post(CHAT, { contact_id: 'other', message: 'not mine' });
    const response = await api.get(`/api/v1/contacts/${id}/export`);
    const exported = await response.text();
    const { contact_id, threads } = JSON.parse(exported);
    assert.equal(contact_id, 'customer/42 ü');
    assert.equal(threads.length, 2);
    assert.match(exported, /Echo: mine/);
    assert.doesNotMatch(exported, /not mine/);
    const erased = await jsonOf(await api.send('DELETE', `/api/v1/contacts/${id}`));
    assert.equal(erased['deleted_threads'], 2);
    const again = await api.send('DELETE', `/api/v1/contacts/${id}`);
    assert.deepEqual(
      [again.status, await jsonOf(again)],
      [200, { contact_id: 'customer/42 ü', deleted_threads: 0 }],
    );
    const left = await pageOf(api, THREADS);
    assert.equal(left.threads.length, 1);
  });

  test('what is not there is 404, ids that are not valid are 422', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    for (const path of [`${THREADS}/${UNKNOWN}`, `${THREADS}/${UNKNOWN}/events`]) {
      assert.equal((await api.get(path)).status, 404, path);
    }
    assert.equal((await api.send('DELETE', `${THREADS}/${UNKNOWN}`)).status, 404);
    assert.equal((await api.get(`${THREADS}/nope`)).status, 422);
  });

  test('a contact reaches their own threads and what was said in them, and nothing else', async () => {
    await using database = await fresh();
    await using api = testApiOn(
      database.url,
      (ctx) => {
        ctx.sendEvent('rag.searched', { secret: 'CANARY' });
        return talker(ctx);
      },
      byContactHeader,
    );
    const me = { 'x-contact': 'me' };
    const canary = 'CANARY-of-somebody-else';
    const theirs = await jsonOf(await api.post(CHAT, { contact_id: 'you', message: canary }));
    const their = `${THREADS}/${String(theirs['thread_id'])}`;
    const theirRun = await jsonOf(await api.post(`${their}/runs`, { message: 'hi' }));
    await (await api.get(`/api/v1/runs/${String(theirRun['run_id'])}?wait=30`)).text();
    const mine = await jsonOf(await api.post(CHAT, { message: 'mine' }, me));
    const my = `${THREADS}/${String(mine['thread_id'])}`;

    const forbidden: readonly [method: string, path: string, body?: object][] = [
      ['GET', their],
      ['GET', `${their}/events`],
      ['DELETE', their],
      ['POST', `${their}/runs`, { message: 'x' }],
      ['GET', `/api/v1/runs/${String(theirRun['run_id'])}`],
      ['GET', `/api/v1/runs/${String(theirRun['run_id'])}/stream`],
      ['POST', `/api/v1/runs/${String(theirRun['run_id'])}/cancel`],
      ['GET', `${THREADS}?contact_id=you`],
      ['POST', THREADS, { contact_id: 'you' }],
      ['POST', THREADS, { thread_id: theirs['thread_id'] }],
      ['POST', CHAT, { contact_id: 'you', message: 'x' }],
      ['POST', CHAT, { message: 'x', thread_id: theirs['thread_id'] }],
      ['GET', '/api/v1/contacts/you/export'],
      ['DELETE', '/api/v1/contacts/you'],
      ['GET', `${my}/events?domain=state`],
      ['PATCH', my, { thread_config: { admin: true } }],
    ];
    for (const [method, path, body] of forbidden) {
      const response = await api.send(method, path, {
        headers: { ...me, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      assert.equal(response.status, 404, `${method} ${path}`);
      assert.doesNotMatch(await response.text(), /CANARY/);
    }
    assert.deepEqual(mine['events'], [
      {
        event_type: 'comm.assistant_message',
        event_data: { role: 'assistant', content: 'Echo: mine' },
      },
    ]);
    const listed = await jsonOf(await api.get(THREADS, me));
    assert.equal(Object(listed['threads']).length, 1);
    const seen = await jsonOf(await api.get(`${my}/events`, me));
    assert.deepEqual(
      Object(seen['events']).map(({ event_type }: TestEvent) => event_type),
      ['comm.user_message', 'comm.assistant_message'],
    );
    const exported = await (await api.get('/api/v1/contacts/me/export', me)).text();
    assert.match(exported, /Echo: mine/);
    assert.doesNotMatch(exported, /state\.set|CANARY/);
    const kept = await eventsOf(api, `${their}/events?domain=comm`);
    assert.equal(kept.events.length, 4, 'nothing came to the other thread');
  });
});

interface TestEvent {
  readonly event_id: string;
  readonly event_type: string;
}

async function eventsOf(
  api: TestApi,
  path: string,
): Promise<{ events: TestEvent[]; next_cursor: string | null }> {
  const response = await api.get(path);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

async function pageOf(
  api: TestApi,
  path: string,
): Promise<{ threads: { thread_id: string }[]; next_cursor: string | null }> {
  const response = await api.get(path);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}
