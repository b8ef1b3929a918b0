import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newEvent, openStore } from 'jims-core';
import type { NewEvent } from 'jims-core';

import { SQLITE } from '../../../jims-core/test/support/stores.ts';
import { jsonOf, testApiOn } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { liveFrames } from '../support/live-frames.ts';
import { talker } from '../support/talker.ts';

const MEGABYTE = 1024 * 1024;
/** A page of large things is shorter than this, whatever its `limit`. */
const MAX_PAGE_BYTES = 2.2 * MEGABYTE;
const LARGE = 700_000;
const EVENTS = 9;

interface Large {
  readonly api: TestApi;
  readonly threadId: string;
  /** What was said in it, oldest first. */
  readonly said: readonly string[];
}

/** A chat of the AI SDK in which much was said, and more was kept, as by an older version. */
async function largeChat(url: string, api: TestApi): Promise<Large> {
  await using store = await openStore(url);
  await chat(api, [user('hello')]);
  const [thread] = (await api.app.threads.list({ contactId: 'c', limit: 1 })).threads;
  assert.ok(thread);
  const said = ['hello', 'Echo: hello'];
  for (let n = 0; n < EVENTS; n++) {
    const content = `${n} ${'ü'.repeat(10)} ${'x'.repeat(LARGE)}`;
    said.push(content);
    const found = newEvent('rag.found', { text: 'y'.repeat(LARGE / 2) });
    await store.appendEvents(thread.id, [found, messageOf(content, n)]);
  }
  return { api, threadId: thread.id, said };
}

function messageOf(content: string, n: number): NewEvent {
  const role = n % 2 === 0 ? 'user' : 'assistant';
  return newEvent(`comm.${role}_message`, { role, content });
}

function user(text: string): object {
  return { id: crypto.randomUUID(), role: 'user', parts: [{ type: 'text', text }] };
}

async function chat(api: TestApi, messages: readonly object[]): Promise<string> {
  const sent = await api.post('/ai-sdk/chat', { id: 'chat', contact_id: 'c', messages });
  assert.equal(sent.status, 200);
  return sent.text();
}

/** Everything of a list, page by page; no page may be longer than it may. */
async function pagesOf(api: TestApi, path: string, member: string): Promise<readonly object[][]> {
  const pages: object[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer = await api.get(`${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    assert.equal(answer.status, 200);
    const text = await answer.text();
    assert.ok(text.length < MAX_PAGE_BYTES, `${text.length} bytes`);
    const page = JSON.parse(text) as Record<string, unknown>;
    pages.push(page[member] as object[]);
    const next = page['next_cursor'];
    cursor = typeof next === 'string' ? next : null;
  }
  return pages;
}

function contentOf(event: object): unknown {
  return 'event_data' in event ? Reflect.get(Object(event.event_data), 'content') : undefined;
}

// That reads of both stores are bounded is shown in jims-core.
describe('large threads', () => {
  const { fresh } = SQLITE;

  test('the answer of a run that sent much is written in pieces, and so is its record', async () => {
    await using database = await fresh();
    const found = Array.from({ length: 4 }, (_, n) => ({ n, text: 'ü'.repeat(LARGE) }));
    await using api = testApiOn(database.url, (ctx) => {
      for (const data of found) ctx.sendEvent('rag.found', data);
    });
    const chatted = await api.post('/api/v1/chat', { contact_id: 'c', message: 'much' });
    const runId = chatted.headers.get('x-jims-run-id') ?? '';
    for (const answer of [chatted, await api.get(`/api/v1/runs/${runId}`)]) {
      assert.equal(answer.status, 200);
      assert.ok(answer.body);
      const chunks = await Array.fromAsync(answer.body);
      const text = Buffer.concat(chunks).toString();
      assert.ok(chunks.length > 10, `${chunks.length} pieces`);
      for (const { text: sent } of found) assert.ok(text.includes(sent));
      assert.doesNotThrow(() => JSON.parse(text));
    }
  });

  test('pages of large events are short, and meet without a gap', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const { threadId, said } = await largeChat(database.url, api);
    const path = `/api/v1/threads/${threadId}/events?limit=200`;
    const comm = await pagesOf(api, `${path}&domain=comm`, 'events');
    assert.ok(comm.length > 2);
    assert.ok(comm.every((page) => page.length > 0));
    assert.deepEqual(comm.flat().map(contentOf), said);
    const all = (await pagesOf(api, path, 'events')).flat();
    assert.equal(all.length, said.length + EVENTS + 2);
  });

  test('pages of threads with large configs are short, and meet without a gap', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    await using store = await openStore(database.url);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const threadConfig = { note: 'x'.repeat(400_000) };
      ids.unshift((await store.openThread({ contactId: 'c', threadConfig })).thread.id);
    }
    const pages = await pagesOf(api, '/api/v1/threads?limit=200', 'threads');
    assert.deepEqual(
      pages.map((page) => page.length),
      [2, 2, 1],
    );
    const listed = pages.flat().map((thread) => 'thread_id' in thread && thread.thread_id);
    assert.deepEqual(listed, ids);
  });

  test('a large thread is exported, followed and restored whole', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const { threadId, said } = await largeChat(database.url, api);

    const exported = await jsonOf(await api.get('/api/v1/contacts/c/export'));
    const [thread] = exported['threads'] as { events: object[] }[];
    const kept = thread?.events.map(contentOf).filter((content) => content !== undefined);
    assert.deepEqual(kept, said);

    const tail = liveFrames(
      await api.get(`/api/v1/threads/${threadId}/events?domain=comm`, {
        accept: 'text/event-stream',
      }),
    );
    for (const content of said) assert.equal(contentOf((await tail.next())?.data ?? {}), content);
    await tail.leave();

    const headers = { 'x-jims-contact-id': 'c' };
    const restored = await jsonOf(await api.get('/ai-sdk/chat/chat', headers));
    const messages = restored['messages'] as { parts: { text: string }[] }[];
    assert.deepEqual(
      messages.flatMap(({ parts }) => parts.map(({ text }) => text)),
      said,
    );
  });

  test('the items of a large conversation come in short pages', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker, { maxBodyBytes: 10 * MEGABYTE });
    const { threadId, said } = await largeChat(database.url, api);
    const path = `/v1/conversations/conv_${threadId.replaceAll('-', '')}/items?limit=100`;
    for (const order of ['asc', 'desc']) {
      const texts: unknown[] = [];
      let pages = 0;
      for (let after = ''; ;) {
        const more = after === '' ? '' : `&after=${after}`;
        const text = await (await api.get(`${path}&order=${order}${more}`)).text();
        assert.ok(text.length < MAX_PAGE_BYTES + LARGE);
        const page = JSON.parse(text) as {
          data: { content: { text: string }[] }[];
          has_more: boolean;
          last_id: string;
        };
        texts.push(...page.data.map(({ content }) => content[0]?.text));
        pages++;
        after = page.last_id;
        if (!page.has_more) break;
      }
      assert.deepEqual(order === 'asc' ? texts : texts.toReversed(), said);
      assert.ok(pages > 2);
    }
  });

  test('a snapshot has the part of a large thread that its runs load', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    await api.app.open({ limits: { maxThreadSize: 1.5 * MEGABYTE } });
    const body = { threadId: 't', runId: 'r', messages: [{ role: 'user', content: 'hello' }] };
    const forwardedProps = { contact_id: 'c' };
    await (await api.post('/ag-ui', { ...body, forwardedProps })).text();
    const [thread] = (await api.app.threads.list({ contactId: 'c', limit: 1 })).threads;
    assert.ok(thread);
    await using store = await openStore(database.url);
    const large = [0, 1, 2].map((n) => messageOf(`${n} ${'x'.repeat(LARGE)}`, n));
    await store.appendEvents(thread.id, large);
    const answer = await api.post('/ag-ui', { ...body, messages: [], forwardedProps });
    const [, snapshot] = parseData(await answer.text());
    const { messages } = snapshot as { messages: { content: string }[] };
    assert.deepEqual(
      messages.map(({ content }) => content),
      large.slice(1).map(({ data }) => data['content']),
    );
  });

  test('a fork of a large thread begins with the newest part of what was before it', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    await chat(api, [user('one')]);
    const [thread] = (await api.app.threads.list({ contactId: 'c', limit: 1 })).threads;
    assert.ok(thread);
    await using store = await openStore(database.url);
    const found = Array.from({ length: 8 }, (_, n) =>
      newEvent('rag.found', { n, text: 'x'.repeat(900_000) }),
    );
    await store.appendEvents(thread.id, found);
    await chat(api, [user('one'), user('two')]);
    await chat(api, [user('one'), user('another two')]);
    const [fork, ...others] = (await api.app.threads.list({ contactId: 'c', limit: 9 })).threads;
    assert.ok(fork);
    assert.deepEqual(
      others.map(({ id }) => id),
      [thread.id],
    );
    const kept: unknown[] = [];
    for await (const events of api.app.threads.readEvents(fork.id)) {
      kept.push(...events.map(({ type, data }) => data['n'] ?? data['content'] ?? type));
    }
    assert.deepEqual(kept.slice(0, 2), ['jims.lifecycle.thread_created', 'state.set.last']);
    assert.deepEqual(kept.slice(2, 6), [4, 5, 6, 7]);
    assert.equal(kept.at(6), 'another two');
  });

  test('so many domains and no more', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const made = await jsonOf(await api.post('/api/v1/threads', { contact_id: 'c' }));
    const path = `/api/v1/threads/${String(made['thread_id'])}/events`;
    const names = Array.from({ length: 10 }, (_, n) => `a${n}`);
    for (const query of [
      `domain=${names.join(',')}`,
      `domain=${Array(200).fill('comm').join(',')}`,
      names.map((name) => `domain=${name}`).join('&'),
    ]) {
      assert.equal((await api.get(`${path}?${query}`)).status, 200);
    }
    const refused = await api.get(`${path}?domain=${[...names, 'comm'].join(',')}`);
    assert.equal(refused.status, 422);
    const { detail } = (await refused.json()) as { detail: { msg: string; loc: string[] }[] };
    assert.deepEqual(detail[0]?.loc, ['query', 'domain']);
    assert.match(detail[0]?.msg ?? '', /at most 10 domains, not 11/);
  });
});

/** The data of the frames of AG-UI, which have no names. */
function parseData(text: string): readonly unknown[] {
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => JSON.parse(frame.slice('data: '.length)));
}
