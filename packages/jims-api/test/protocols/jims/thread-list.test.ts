// Lists of threads as people see them: what each one is about, and which come first.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as v from 'valibot';

import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';
import { liveFrames } from '../../support/live-frames.ts';
import { talker } from '../../support/talker.ts';

const THREADS = '/api/v1/threads';
const CHAT = '/api/v1/chat';
const ME = { 'x-contact': 'me' };
const YOU = { 'x-contact': 'you' };

const ThreadPage = v.object({
  threads: v.array(
    v.object({
      thread_id: v.string(),
      contact_id: v.nullable(v.string()),
      external_id: v.nullable(v.string()),
      superseded_by: v.nullable(v.string()),
      created_at: v.string(),
      title: v.nullable(v.string()),
      last_event_at: v.string(),
      last_message: v.nullable(v.strictObject({ role: v.string(), excerpt: v.string() })),
      waiting: v.boolean(),
      thread_config: v.record(v.string(), v.unknown()),
    }),
  ),
  next_cursor: v.nullable(v.string()),
});
type ThreadPage = v.InferOutput<typeof ThreadPage>;

const RunPage = v.object({
  runs: v.array(v.record(v.string(), v.unknown())),
  next_cursor: v.nullable(v.string()),
});
type RunPage = v.InferOutput<typeof RunPage>;

describeStores(({ fresh }) => {
  test('the thread that spoke last comes first, with its title and its last message', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const [first = '', second = ''] = await threadsOf(api, ['c', 'c']);
    await say(api, second, 'What about  \n my order?');
    assert.deepEqual(await idsOf(api, '?contact_id=c'), [second, first]);
    await say(api, first, 'Hello');
    const { threads } = await pageOf(api, '?contact_id=c');
    assert.deepEqual(
      threads.map(({ thread_id, title, last_message }) => ({ thread_id, title, last_message })),
      [
        {
          thread_id: first,
          title: 'Hello',
          last_message: { role: 'assistant', excerpt: 'Echo: Hello' },
        },
        {
          thread_id: second,
          title: 'What about my order?',
          last_message: { role: 'assistant', excerpt: 'Echo: What about my order?' },
        },
      ],
    );
    assert.ok(threads.every(({ waiting }) => !waiting));
    const [newest] = threads;
    assert.deepEqual(await (await api.get(`${THREADS}/${first}`)).json(), newest);
    const log = await jsonOf(await api.get(`${THREADS}/${first}/events?order=desc&limit=1`));
    assert.equal(newest?.last_event_at, Object(log['events'])[0].created_at);
    assert.deepEqual(await idsOf(api, '?contact_id=c&order=created'), [second, first]);
    // A thread in which nothing was said yet.
    const [quiet = ''] = await threadsOf(api, ['d']);
    const { threads: alone } = await pageOf(api, '?contact_id=d');
    assert.deepEqual(
      alone.map(({ thread_id, title, last_message }) => [thread_id, title, last_message]),
      [[quiet, null, null]],
    );
  });

  test('no thread comes twice while threads move, and a cursor is of one order', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const ids = await threadsOf(api, ['c', 'c', 'c', 'c', 'c', 'c', 'c']);
    for (const id of ids) await say(api, id, 'hi');
    const expected = ids.toReversed();
    const listed: string[] = [];
    let page = await pageOf(api, '?contact_id=c&limit=2');
    for (;;) {
      listed.push(...page.threads.map(({ thread_id }) => thread_id));
      // One that was listed already moves to the front, and one more is made.
      await say(api, listed.at(-1) ?? '', 'again');
      await threadsOf(api, ['c']);
      if (page.next_cursor === null) break;
      page = await pageOf(api, `?contact_id=c&limit=2&cursor=${page.next_cursor}`);
    }
    assert.deepEqual(listed, expected);
    const cursor = {
      activity: (await pageOf(api, '?limit=1')).next_cursor,
      created: (await pageOf(api, '?limit=1&order=created')).next_cursor,
    };
    const wrong: readonly [string, RegExp][] = [
      [`?order=created&cursor=${cursor.activity}`, /send it with order=activity/],
      [`?cursor=${cursor.created}`, /send it with order=created/],
      ['?cursor=a.nope', /not a cursor/],
      ['?order=name', /one of activity, created/],
      ['?feedback=maybe', /one of up, down/],
      ['?waiting=1', /one of true/],
      [`?q=${'x'.repeat(201)}`, /at most 200 characters/],
    ];
    for (const [query, reason] of wrong) {
      const response = await api.get(THREADS + query);
      assert.equal(response.status, 422, query);
      assert.match(await response.text(), reason);
    }
    const made = await pageOf(api, `?order=created&limit=200&cursor=${cursor.created}`);
    assert.equal(made.threads.length, 10);
  });

  test('the search finds what was just said, also by the beginning of a word, and takes any text', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker, byContactHeader);
    const mine = await jsonOf(await api.post(CHAT, { message: 'Crème brûlée for Zoë' }, ME));
    await jsonOf(await api.post(CHAT, { message: 'Crème brûlée, too' }, YOU));
    const search = async (q: string, headers: Record<string, string> = ME): Promise<string[]> => {
      return idsOf(api, `?q=${encodeURIComponent(q)}`, headers);
    };
    const found = [String(mine['thread_id'])];
    for (const q of ['brûlée', 'CRÈME zo', ' zoë  crème ', 'Echo crème zoë']) {
      assert.deepEqual(await search(q), found, q);
    }
    assert.deepEqual(await search('brulée zoë tomato'), []);
    assert.equal((await search('brûlée', {})).length, 2);
    assert.deepEqual(await search('   '), found, 'an empty box lists all');
    const garbage = [
      '"',
      '*',
      '(',
      'a AND',
      'NOT',
      'NEAR(a b)',
      "'; DROP TABLE threads; --",
      'content:x',
      '^x',
      '\\',
      '%_',
      '🙂',
      '&|!:*',
      '<->',
      'x'.repeat(200),
      '" OR "',
    ];
    for (const q of garbage) assert.deepEqual(await search(q), [], q);
    const half = await api.get(`${THREADS}?q=%ED%A0%80`, ME);
    assert.equal(half.status, 200);
    await say(api, String(mine['thread_id']), 'And a rhubarb pie');
    assert.deepEqual(await search('rhub'), found);
    await api.send('DELETE', `${THREADS}/${String(mine['thread_id'])}`);
    assert.deepEqual(await search('rhub', {}), []);
  });

  test('a thread waits while its question to the contact is open', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, askingPipeline, byContactHeader);
    const waiting = await jsonOf(await api.post(CHAT, { message: 'Refund!' }, ME));
    const id = String(waiting['thread_id']);
    await threadsOf(api, ['me', 'you']);
    assert.deepEqual(await idsOf(api, '?waiting=true', ME), [id]);
    const thread = await jsonOf(await api.get(`${THREADS}/${id}`, ME));
    assert.equal(thread['waiting'], true);
    assert.equal(Object(thread['question']).text, 'Refund it?');
    await api.post(CHAT, { message: 'yes', thread_id: id }, ME);
    assert.deepEqual(await idsOf(api, '?waiting=true', ME), []);
  });

  test('a title comes from the pipeline, the contact or a service, and goes again', async () => {
    await using database = await fresh();
    await using api = testApiOn(
      database.url,
      (ctx) => {
        ctx.setTitle(`  About\n\n${'é'.repeat(100)}`);
        ctx.sendMessage('ok');
      },
      byContactHeader,
    );
    const include = ['event', 'delta'];
    const said = await (
      await api.post('/api/v1/chat/stream', { message: 'Hi there', include }, ME)
    ).text();
    assert.doesNotMatch(said, /titled|About/, 'a title is the service’s own event');
    const [id = ''] = await idsOf(api, '', ME);
    const path = `${THREADS}/${id}`;
    const titleNow = async (): Promise<unknown> => (await jsonOf(await api.get(path, ME)))['title'];
    assert.equal(await titleNow(), `About ${'é'.repeat(73)}…`);
    const patch = (body: unknown, headers: Record<string, string>): Promise<Response> =>
      api.send('PATCH', path, {
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    const patched = await jsonOf(await patch({ title: 'My own ‮ 🙂' }, ME));
    assert.equal(patched['title'], 'My own ‮ 🙂');
    assert.equal((await jsonOf(await patch({ title: 'By the desk' }, {})))['title'], 'By the desk');
    assert.equal((await jsonOf(await patch({ title: null }, ME)))['title'], 'Hi there');
    assert.equal((await patch({ title: 'x' }, YOU)).status, 404);
    assert.equal((await patch({ title: 'x', thread_config: { a: 1 } }, ME)).status, 404);
    assert.equal((await patch({}, ME)).status, 422);
    assert.equal((await patch({ title: 7 }, ME)).status, 422);
    assert.equal(await titleNow(), 'Hi there', 'a refused change changes nothing');
    const both = await jsonOf(await patch({ title: 'Both', thread_config: { lang: 'de' } }, {}));
    assert.deepEqual([both['title'], Object(both['thread_config']).lang], ['Both', 'de']);
    const mine = await jsonOf(await api.get(`${path}/events`, ME));
    assert.deepEqual(
      Object(mine['events']).map((event: { event_type: string }) => event.event_type),
      ['comm.user_message', 'comm.assistant_message'],
    );
    await using tail = liveFrames(
      await api.get(`${path}/events`, { ...ME, accept: 'text/event-stream' }),
    );
    await tail.next();
    await tail.next();
    await patch({ title: 'Once more' }, {});
    await say(api, id, 'And then?');
    assert.equal(Object((await tail.next())?.data['event_data']).content, 'And then?');
  });

  test('contacts list their own current threads, services all', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker, byContactHeader);
    const chat = (
      messages: readonly object[],
      headers: Record<string, string>,
    ): Promise<Response> => api.post('/ai-sdk/chat', { id: 'chat-1', messages }, headers);
    const user = (text: string): object => ({
      id: text,
      role: 'user',
      parts: [{ type: 'text', text }],
    });
    await (await chat([user('first')], ME)).text();
    await (await chat([user('edited')], ME)).text();
    await api.post(CHAT, { message: 'not yours' }, YOU);
    const services = await pageOf(api, '');
    const contacts = await pageOf(api, '', ME);
    const replaced = services.threads.filter(({ superseded_by }) => superseded_by !== null);
    assert.equal(services.threads.length, 2 + replaced.length);
    assert.deepEqual(
      contacts.threads.map(({ title }) => title),
      ['edited'],
    );
    for (const query of ['?q=first', '?feedback=up', '?waiting=true', '?order=created']) {
      const { threads } = await pageOf(api, query, ME);
      assert.ok(
        threads.every(({ title }) => title === 'edited'),
        query,
      );
    }
    assert.equal((await api.get(`${THREADS}?contact_id=you&q=yours`, ME)).status, 404);
  });

  test('events go backwards, with their runs, and the runs of a thread are listed', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker, byContactHeader);
    const [id = ''] = await threadsOf(api, ['me']);
    const runs: string[] = [];
    for (const message of ['one', 'two', 'boom']) {
      const path = `${THREADS}/${id}/runs`;
      const { run_id } = await jsonOf(await api.post(path, { message }, ME));
      await (await api.get(`/api/v1/runs/${String(run_id)}?wait=30`)).text();
      runs.unshift(String(run_id));
    }
    const path = `${THREADS}/${id}/events?domain=comm`;
    const forwards = await eventsOf(api, `${path}&limit=200`);
    assert.deepEqual(
      forwards.events.map(({ run_id }) => run_id),
      [runs[2], runs[2], runs[1], runs[1], runs[0]],
    );
    const backwards: TestEvent[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await eventsOf(
        api,
        `${path}&order=desc&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      backwards.push(...page.events);
      cursor = page.next_cursor;
      await api.app.threads.setTitle(id, 'It goes on meanwhile');
    }
    assert.deepEqual(backwards, forwards.events.toReversed());
    // A cursor goes on in either direction.
    const all = `${THREADS}/${id}/events`;
    const newest = await eventsOf(api, `${all}?order=desc&limit=2`);
    const after = await eventsOf(api, `${all}?cursor=${newest.next_cursor}`);
    assert.deepEqual(after.events, newest.events.toReversed().slice(1));
    assert.equal((await api.get(`${path}&order=up`)).status, 422);
    const live = await api.get(`${path}&order=desc`, { accept: 'text/event-stream' });
    assert.equal(live.status, 422);
    const note = await jsonOf(
      await api.post(`${THREADS}/${id}/events`, {
        events: [{ event_type: 'crm.note', event_data: {} }],
      }),
    );
    const noted = await eventsOf(api, `${THREADS}/${id}/events?order=desc&limit=1`);
    assert.deepEqual(
      noted.events.map(({ event_id, run_id }) => [event_id, run_id]),
      [[Object(note['events'])[0].event_id, null]],
    );

    const listed: RunPage['runs'] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const more = cursor === '' ? '' : `&cursor=${cursor}`;
      const response = await api.get(`${THREADS}/${id}/runs?limit=2${more}`);
      const page: RunPage = v.parse(RunPage, await response.json());
      listed.push(...page.runs);
      cursor = page.next_cursor;
    }
    assert.deepEqual(
      listed.map(({ run_id, status, chain_id, usage }) => [run_id, status, chain_id, usage]),
      [
        [runs[0], 'failed', runs[0], []],
        [runs[1], 'completed', runs[1], []],
        [runs[2], 'completed', runs[2], []],
      ],
    );
    const [failed] = listed;
    assert.equal(Object(failed?.['error']).code, 'pipeline_failed');
    assert.ok(failed && 'started_at' in failed && 'finished_at' in failed && !('result' in failed));
    const whole = await jsonOf(await api.get(`/api/v1/runs/${runs[0]}`));
    assert.deepEqual({ ...whole, ...failed }, whole, 'a run is the same in a list');
    const seen = await jsonOf(await api.get(`${THREADS}/${id}/runs`, ME));
    assert.deepEqual(
      Object(seen['runs']).map(({ usage }: { usage: unknown }) => usage),
      [null, null, null],
    );
    assert.equal((await api.get(`${THREADS}/${id}/runs`, YOU)).status, 404);
    assert.equal((await api.get(`${THREADS}/${id}/runs?cursor=x`)).status, 422);
  });
});

describe('the export of a contact', () => {
  test('has every thread once, whatever was said last', async () => {
    await using api = testApiOn('sqlite::memory:', talker);
    const ids = await threadsOf(
      api,
      Array.from({ length: 203 }, () => 'c'),
    );
    for (const id of ids.slice(0, 3)) await say(api, id, 'hi');
    const { threads } = JSON.parse(await (await api.get('/api/v1/contacts/c/export')).text());
    const exported: string[] = threads.map(({ thread }: { thread: { thread_id: string } }) => {
      return thread.thread_id;
    });
    assert.deepEqual(exported, ids.toReversed());
  });
});

interface TestEvent {
  readonly event_id: string;
  readonly run_id: string | null;
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
  query: string,
  headers: Record<string, string> = {},
): Promise<ThreadPage> {
  const response = await api.get(THREADS + query, headers);
  const text = await response.text();
  assert.equal(response.status, 200, `${query}: ${text}`);
  return v.parse(ThreadPage, JSON.parse(text));
}

async function idsOf(
  api: TestApi,
  query: string,
  headers: Record<string, string> = {},
): Promise<string[]> {
  return (await pageOf(api, query, headers)).threads.map(({ thread_id }) => thread_id);
}

/** New threads of these contacts, in this order. */
async function threadsOf(api: TestApi, contacts: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const contact_id of contacts) {
    ids.push(String((await jsonOf(await api.post(THREADS, { contact_id })))['thread_id']));
  }
  return ids;
}

/** A message in a thread, answered. */
async function say(api: TestApi, threadId: string, message: string): Promise<void> {
  const run = await jsonOf(await api.post(`${THREADS}/${threadId}/runs`, { message }));
  const path = `/api/v1/runs/${String(run['run_id'])}?wait=30`;
  assert.equal((await jsonOf(await api.get(path)))['status'], 'completed');
}
