import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { createLlmProvider } from 'jims-core/llm';
import type { Llm, LlmRunOptions } from 'jims-core/llm';

import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, testApiOn } from '../../support/api.ts';
import type { TestApi, TestFrame } from '../../support/api.ts';
import { createGate } from '../../support/gate.ts';
import { liveFrames } from '../../support/live-frames.ts';
import { talker, wordsText } from '../../support/talker.ts';

const STREAM = '/api/v1/chat/stream';
const CHAT = '/api/v1/chat';
const INCLUDE = ['thread', 'delta', 'event'];

describeStores(({ name, fresh }) => {
  test('a stream that is left can be joined again, and nothing is missing or twice', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const first = liveFrames(await api.post(STREAM, ask('c', 'stream 12', { include: INCLUDE })));
    const runId = String((await first.until('thread')).data['run_id']);
    const seen = [await first.until('delta'), await first.until('delta')];
    await first.leave();

    const joined = await join(api, runId, seen.at(-1)?.id);
    assert.equal(textOf([...seen, ...joined]), wordsText(12));
    assert.deepEqual(joined.map(({ event }) => event).slice(-2), ['event', 'result']);
    assert.deepEqual(joined.at(-1)?.data['assistant_messages'], [wordsText(12)]);
    const ids = [...seen, ...joined].map(({ id = '' }) => Number(/^1\.(\d+)$/.exec(id)?.[1]));
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  test('a client that joins late gets what was said in one piece, also after the end', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const first = liveFrames(await api.post(STREAM, ask('c', 'stream 8', { include: INCLUDE })));
    const runId = String((await first.until('thread')).data['run_id']);
    const { id } = await first.until('delta');
    await first.rest();
    const joined = await join(api, runId, id);
    assert.equal(joined.filter(({ event }) => event === 'delta').length, 1);
    assert.equal(`w1 ${textOf(joined)}`, wordsText(8));
    assert.equal(joined.at(-1)?.event, 'result');

    const end = joined.at(-1)?.id ?? '';
    const again = await api.get(`/api/v1/runs/${runId}/stream`, { 'last-event-id': end });
    assert.equal(again.status, 204, 'its end was seen');
  });

  test('a client that saw an attempt that was cut off gets the next one from its beginning', async () => {
    await using database = await fresh();
    const key = { 'idempotency-key': 'k' };
    const body = ask('c', 'stream 12', { include: INCLUDE });
    const here = testApiOn(database.url, talker);
    const cut = liveFrames(await here.post(STREAM, body, key));
    const runId = String((await cut.until('thread')).data['run_id']);
    await cut.until('delta');
    await here.app.close();
    assert.equal((await cut.rest()).at(-1)?.data['reason'], 'shutting_down');

    await using api = testApiOn(database.url, talker);
    const again = liveFrames(await api.post(STREAM, body, key));
    const live = await join(api, runId, '1.2');
    const frames = await again.rest();
    const end = frames.at(-1);
    assert.ok(end?.id);
    assert.match(end.id, /^2\./);
    assert.equal(textOf(frames), wordsText(12));
    const endSeq = end.id.slice('2.'.length);
    // A number alone is of the first attempt, also when it is that of the end.
    for (const joined of [
      live,
      await join(api, runId, '1.2'),
      await join(api, runId, '2'),
      await join(api, runId, endSeq),
      await join(api, runId, `1.${endSeq}`),
    ]) {
      const { id, event, data } = joined[0] ?? {};
      assert.deepEqual([id, event, data], ['2.0', 'restarted', { attempt: 2 }]);
      assert.equal(textOf(joined), wordsText(12));
      assert.deepEqual(joined.at(-1), end);
    }
    for (const after of ['0', '', '2.0']) {
      const joined = await join(api, runId, after);
      assert.ok(
        joined.every(({ event }) => event !== 'restarted'),
        after,
      );
      assert.equal(textOf(joined), wordsText(12));
    }
    for (const [after, status] of [
      [end.id, 204],
      [`2.${Number(endSeq) + 1}`, 200],
      [`3.${endSeq}`, 200],
      ['2.x', 400],
      ['0.1', 400],
      ['1.2.3', 400],
    ] as const) {
      const response = await api.get(`/api/v1/runs/${runId}/stream`, { 'last-event-id': after });
      assert.equal(response.status, status, after);
      await response.text();
    }
  });

  test('a request that is sent again goes on after the last id that was seen', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const key = { 'idempotency-key': 'k' };
    const body = ask('c', 'stream 12', { include: INCLUDE });
    const first = liveFrames(await api.post(STREAM, body, key));
    const seen = [await first.until('delta'), await first.until('delta')];
    await first.leave();
    const last = { 'last-event-id': seen.at(-1)?.id ?? '' };
    const again = await api.post(STREAM, body, { ...key, ...last });
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    const rest = await liveFrames(again).rest();
    assert.equal(textOf([...seen, ...rest]), wordsText(12));
    assert.ok(rest.every(({ event }) => event !== 'thread'));
    // Also after its end, and when that was seen: else the client would come again and again.
    const end = rest.at(-1);
    const ended = await api.post(STREAM, body, { ...key, ...last });
    assert.equal(textOf([...seen, ...(await liveFrames(ended).rest())]), wordsText(12));
    const all = await api.post(STREAM, body, { ...key, 'last-event-id': end?.id ?? '' });
    assert.deepEqual(await liveFrames(all).rest(), [end]);
    // What was seen of another stream says nothing about a new one.
    const other = await api.post(STREAM, ask('c', 'stream 3', { include: INCLUDE }), {
      'idempotency-key': 'k2',
      ...last,
    });
    assert.equal(textOf(await liveFrames(other).rest()), wordsText(3));
    const garbage = await api.post(STREAM, body, { ...key, 'last-event-id': 'x' });
    assert.equal(garbage.status, 400);
    // The original's bytes have no ids.
    const plain = ask('c', 'stream 3');
    const bytes = await (await api.post(STREAM, plain, { 'idempotency-key': 'k3' })).text();
    const replayed = await api.post(STREAM, plain, { 'idempotency-key': 'k3', ...last });
    assert.equal(await replayed.text(), bytes);
  });

  test('clients without headers name the last id in the address', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const first = liveFrames(await api.post(STREAM, ask('c', 'stream 5', { include: INCLUDE })));
    const { run_id: runId, thread_id: threadId } = (await first.until('thread')).data;
    const frames = await first.rest();
    const end = frames.at(-1)?.id;
    const names = ['after', 'lastEventId', 'last_event_id', 'Last-Event-ID', 'last-event-id'];
    for (const member of names) {
      const stream = `/api/v1/runs/${String(runId)}/stream?${member}=`;
      assert.equal((await api.get(stream + end)).status, 204, member);
      assert.equal((await api.get(`${stream}x`)).status, 400, member);
      const rest = await liveFrames(await api.get(stream + frames.at(-2)?.id)).rest();
      assert.deepEqual(rest, frames.slice(-1), member);
      const empty = await liveFrames(await api.get(stream)).rest();
      assert.deepEqual(empty.slice(1), frames.slice(0, 1).concat(empty.slice(2)), member);
    }
    const events = `/api/v1/threads/${String(threadId)}/events`;
    const { events: all }: { events: { event_id: string }[] } = JSON.parse(
      await (await api.get(events)).text(),
    );
    const tail = liveFrames(await api.get(events, { accept: 'text/event-stream' }));
    const firstEvent = await tail.until('event');
    await tail.leave();
    for (const member of ['cursor', ...names.slice(1)]) {
      const path = `${events}?${member}=${firstEvent.id}`;
      await using live = liveFrames(await api.get(path, { accept: 'text/event-stream' }));
      assert.equal((await live.until('event')).data['event_id'], all[1]?.event_id, member);
      const page = JSON.parse(await (await api.get(path)).text());
      assert.deepEqual(page.events, all.slice(1), member);
    }
    const garbage = await api.get(`${events}?lastEventId=x`, { accept: 'text/event-stream' });
    assert.equal(garbage.status, 400);
  });

  test('what models a run used is in its record, however it ended', async () => {
    await using database = await fresh();
    const models = createLlmProvider({});
    const used = { model: 'm', requests: 1, promptTokens: 2, completionTokens: 3, cachedTokens: 0 };
    const forRun = (run: LlmRunOptions): Llm => ({ ...models.forRun(run), usage: [used] });
    await using api = testApiOn(database.url, {
      llm: { ...models, forRun },
      pipeline(ctx) {
        assert.equal(ctx.llm.usage.length, 1);
        return talker(ctx);
      },
    });
    const { thread } = await api.app.threads.getOrCreate({ contactId: 'c' });
    const runs = `/api/v1/threads/${thread.id}/runs`;
    const onWire = [
      {
        model: 'm',
        requests: 1,
        prompt_tokens: 2,
        completion_tokens: 3,
        cached_tokens: 0,
        cost_usd: null,
      },
    ];
    for (const message of ['hi', 'boom', 'wait']) {
      const started = await jsonOf(await api.post(runs, { message, include: ['usage'] }));
      if (message === 'wait') assert.equal(started['usage'], null);
      const path = `/api/v1/runs/${String(started['run_id'])}`;
      if (message === 'wait') await api.post(`${path}/cancel`, '');
      assert.deepEqual((await jsonOf(await api.get(`${path}?wait=5`)))['usage'], onWire);
      const { result, status } = await jsonOf(await api.get(`${path}?include=usage`));
      if (status === 'failed') assert.equal(result, null);
      else assert.deepEqual(Object(result).usage, onWire);
    }
    assert.equal((await api.post(runs, { message: 'hi', include: ['nothing'] })).status, 422);
    const asContact = { 'x-jims-contact-id': 'c' };
    const { run_id: runId } = await jsonOf(await api.post(runs, { message: 'hi' }, asContact));
    const path = `/api/v1/runs/${String(runId)}?wait=5&include=usage`;
    const seen = await jsonOf(await api.get(path, asContact));
    assert.equal(seen['usage'], null);
    assert.equal(Object(seen['result']).usage, undefined);
  });

  test('a run whose thread is erased is not to be sent again', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const body = ask('c', 'wait', { include: INCLUDE });
    const stream = liveFrames(await api.post(STREAM, body));
    await stream.until('event');
    const answer = api.post(CHAT, ask('d', 'stream 500'));
    await latestThread(api, 'd');
    for (const contact of ['c', 'd']) {
      assert.equal((await api.send('DELETE', `/api/v1/contacts/${contact}`)).status, 200);
    }
    const end = (await stream.rest()).at(-1);
    assert.equal(end?.event, 'error');
    assert.match(String(end?.data['detail']), /was erased/);
    const refused = await answer;
    assert.equal(refused.status, 404);
    assert.equal(refused.headers.get('retry-after'), null);
    assert.equal(await api.app.threads.latest('c'), undefined);
  });

  test('a stream without include has no ids and no frames that the original does not have', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const response = await api.post(STREAM, ask('c', 'stream 3'));
    const text = await response.text();
    assert.match(text, /^event: status\ndata: .*\n\nevent: result\ndata: .*\n\n$/);
    assert.match(response.headers.get('x-jims-run-id') ?? '', /^[0-9a-f-]{36}$/);
  });

  test('a background run answers 202 and where to look, and is waited for', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const { thread } = await api.app.threads.getOrCreate({ contactId: 'c' });
    const started = await api.post(`/api/v1/threads/${thread.id}/runs`, { message: 'stream 4' });
    assert.equal(started.status, 202);
    const location = started.headers.get('location') ?? '';
    const run = await jsonOf(started);
    assert.equal(location, `/api/v1/runs/${String(run['run_id'])}`);
    assert.equal(run['status'], 'running');
    const ended = await jsonOf(await api.get(`${location}?wait=10`));
    assert.equal(ended['status'], 'completed');
    assert.deepEqual(Object(ended['result']).assistant_messages, [wordsText(4)]);
    assert.ok(String(ended['finished_at']) > String(ended['started_at']));
  });

  test('cancel aborts the signal, ends streams with cancelled, and keeps what was seen', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const stream = liveFrames(await api.post(STREAM, ask('c', 'stream 500', { include: INCLUDE })));
    const { run_id: runId, thread_id: threadId } = (await stream.until('thread')).data;
    await stream.until('delta');
    const cancel = await api.post(`/api/v1/runs/${String(runId)}/cancel`, '');
    assert.equal(cancel.status, 202);
    const last = (await stream.rest()).at(-1);
    assert.equal(last?.event, 'cancelled');
    const run = await jsonOf(await api.get(`/api/v1/runs/${String(runId)}`));
    assert.equal(run['status'], 'cancelled');

    const messages = await eventsOf(api, String(threadId), 'comm');
    assert.equal(messages.length, 2);
    assert.equal(messages[1]?.event_data['partial'], true);
    assert.match(String(messages[1]?.event_data['content']), /^w1 /);
    assert.deepEqual(last.data['assistant_messages'], [messages[1]?.event_data['content']]);
    const again = await api.post(`/api/v1/runs/${String(runId)}/cancel`, '');
    assert.equal(again.status, 200, 'it is over already');
  });

  test('a queued run can be cancelled: its question keeps its position', async () => {
    await using database = await fresh();
    const gate = createGate();
    await using api = testApiOn(database.url, async (ctx) => {
      if (ctx.lastUserMessage === 'first') await gate.passed(ctx.signal);
      await talker(ctx);
    });
    const { thread } = await api.app.threads.getOrCreate({ contactId: 'c' });
    const runs = `/api/v1/threads/${thread.id}/runs`;
    const [first, second, third] = [
      await jsonOf(await api.post(runs, { message: 'first' })),
      await jsonOf(await api.post(runs, { message: 'second' })),
      await jsonOf(await api.post(runs, { message: 'third' })),
    ];
    assert.equal(second['status'], 'queued');
    const path = `/api/v1/runs/${String(second['run_id'])}`;
    await api.post(`${path}/cancel`, '');
    const waited = await jsonOf(await api.get(`${path}?wait=5`));
    assert.equal(waited['status'], 'cancelled', 'though its turn is still to come');
    gate.open();
    const ended = await jsonOf(await api.get(`/api/v1/runs/${String(third['run_id'])}?wait=10`));
    assert.equal(ended['status'], 'completed');
    const contents = (await eventsOf(api, thread.id, 'comm')).map(
      (each) => each.event_data['content'],
    );
    assert.deepEqual(contents, ['first', 'Echo: first', 'second', 'third', 'Echo: third']);
    const cancelled = await jsonOf(await api.get(`/api/v1/runs/${String(second['run_id'])}`));
    assert.equal(cancelled['status'], 'cancelled');
    assert.ok(first['run_id'] !== third['run_id']);
  });

  test('on_busy decides: wait in the queue, refuse, or stop the run before it', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const running = api.post(CHAT, ask('c', 'wait'));
    await latestThread(api, 'c');
    const refused = await api.post(CHAT, ask('c', 'refused', { on_busy: 'reject' }));
    assert.equal(refused.status, 409);
    assert.equal((await jsonOf(refused))['code'], 'thread_busy');
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-3]$/);
    const queued = api.post(CHAT, ask('c', 'queued'));
    await sleep(50);
    const interrupting = await api.post(CHAT, ask('c', 'now', { on_busy: 'interrupt' }));
    assert.deepEqual((await jsonOf(interrupting))['assistant_messages'], ['Echo: now']);
    assert.equal((await running).status, 409);
    assert.equal((await queued).status, 409);
    const { id } = await latestThread(api, 'c');
    const contents = (await eventsOf(api, id, 'comm')).map((each) => each.event_data['content']);
    assert.deepEqual(contents, ['wait', 'waiting', 'queued', 'now', 'Echo: now']);
  });

  test('a deadline in the request stops the pipeline: 504, and the question is kept', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const late = await api.post(CHAT, ask('c', 'wait', { timeout: 0.05 }));
    assert.equal(late.status, 504);
    assert.equal((await jsonOf(late))['code'], 'deadline');
    const { id } = await latestThread(api, 'c');
    assert.deepEqual(
      (await eventsOf(api, id, 'comm')).map((each) => each.event_data['content']),
      ['wait'],
    );
  });

  test('the same key and body is the same run, across processes; another body is refused', async () => {
    await using database = await fresh();
    await using here = testApiOn(database.url, talker);
    await using there = testApiOn(database.url, talker);
    const key = { 'idempotency-key': '"order-1"' };
    const [first, second] = await Promise.all([
      here.post(CHAT, ask('c', 'stream 5'), key),
      here.post(CHAT, ask('c', 'stream 5'), { 'idempotency-key': 'order-1' }),
    ]);
    const third = await there.post(CHAT, { message: 'stream 5', contact_id: 'c' }, key);
    assert.deepEqual([first.status, second.status, third.status], [200, 200, 200]);
    const replayed = [first, second, third].filter(({ headers }) =>
      headers.has('idempotency-replayed'),
    );
    assert.equal(replayed.length, 2);
    const answer = await first.json();
    assert.deepEqual(await second.json(), answer);
    assert.deepEqual(await third.json(), answer);
    const reused = await there.post(CHAT, ask('c', 'something else'), key);
    assert.equal(reused.status, 422);
    assert.equal((await jsonOf(reused))['code'], 'key_reused');
    const { id } = await latestThread(here, 'c');
    assert.equal((await eventsOf(here, id, 'comm')).length, 2);
  });

  test('a failure is replayed, too, and the pipeline does not run again', async () => {
    await using database = await fresh();
    let runs = 0;
    await using api = testApiOn(database.url, (ctx) => {
      runs += 1;
      return talker(ctx);
    });
    const key = { 'idempotency-key': 'k' };
    const first = await api.post(CHAT, ask('c', 'boom'), key);
    const second = await api.post(CHAT, ask('c', 'boom'), key);
    assert.deepEqual([first.status, second.status, runs], [500, 500, 1]);
  });

  test('an invalid key is refused before anything is stored', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    for (const key of ['', 'with space', 'x'.repeat(256)]) {
      const refused = await api.post(CHAT, ask('c', 'hi'), { 'idempotency-key': key });
      assert.equal(refused.status, 400, key);
    }
    assert.equal(await api.app.threads.latest('c'), undefined);
  });

  test('on_disconnect: cancel stops the run of a stream that is left', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const body = ask('c', 'stream 500', { include: INCLUDE, on_disconnect: 'cancel' });
    const stream = liveFrames(await api.post(STREAM, body));
    const runId = String((await stream.until('thread')).data['run_id']);
    await stream.until('delta');
    await stream.leave();
    const run = await jsonOf(await api.get(`/api/v1/runs/${runId}?wait=5`));
    assert.equal(run['status'], 'cancelled');
  });

  test('a list of words to include is not longer than the number of words', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const { thread } = await api.app.threads.getOrCreate({ contactId: 'c' });
    const path = `/api/v1/threads/${thread.id}/runs`;
    for (const word of [0, 'usage']) {
      const include = Array.from({ length: 50_000 }, () => word);
      const response = await api.post(path, { message: 'x', include });
      assert.equal(response.status, 422);
      assert.match(await response.text(), /should have at most 1 item/);
    }
  });

  test('runs that nobody knows are 404, ids that are not valid 422 and 400', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker);
    const unknown = '/api/v1/runs/0190d3a0-0000-7000-8000-000000000099';
    assert.equal((await api.get(unknown)).status, 404);
    assert.equal((await api.get(`${unknown}/stream`)).status, 404);
    assert.equal((await api.post(`${unknown}/cancel`, '')).status, 404);
    assert.equal((await api.get('/api/v1/runs/nope')).status, 422);
    const garbage = await api.get(`${unknown}/stream`, { 'last-event-id': 'x' });
    assert.equal(garbage.status, 400);
    const missing = '/api/v1/threads/0190d3a0-0000-7000-8000-000000000099/runs';
    assert.equal((await api.post(missing, { message: 'hi' })).status, 404);
  });

  if (name === 'postgres') {
    test('a run is joined and cancelled from another process', async () => {
      await using database = await fresh();
      await using owner = testApiOn(database.url, talker);
      await using other = testApiOn(database.url, talker);
      const stream = liveFrames(
        await owner.post(STREAM, ask('c', 'stream 500', { include: INCLUDE })),
      );
      const { run_id: runId, thread_id: threadId } = (await stream.until('thread')).data;
      const { id } = await stream.until('delta');
      const path = `/api/v1/runs/${String(runId)}`;
      const joined = liveFrames(await other.get(`${path}/stream`, { 'last-event-id': id ?? '' }));
      const heard = [await joined.until('delta'), await joined.until('delta')];
      assert.ok(wordsText(500).startsWith(`w1 ${textOf(heard)}`));
      assert.equal((await other.post(`${path}/cancel`, '')).status, 202);
      assert.equal((await joined.rest()).at(-1)?.event, 'cancelled');
      assert.equal((await stream.rest()).at(-1)?.event, 'cancelled');
      const messages = await eventsOf(other, String(threadId), 'comm');
      assert.equal(messages[1]?.event_data['partial'], true);
    });

    test('a client that changes to another process misses no piece, however quick the run was', async () => {
      await using database = await fresh();
      await using owner = testApiOn(database.url, talker);
      await using other = testApiOn(database.url, talker);
      for (const count of [2, 30]) {
        const body = ask('c', `stream ${count}`, { include: INCLUDE });
        const stream = liveFrames(await owner.post(STREAM, body));
        const runId = String((await stream.until('thread')).data['run_id']);
        const seen = await stream.until('delta');
        await stream.rest();
        const joined = await join(other, runId, seen.id);
        assert.equal(textOf([seen, ...joined]), wordsText(count));
        assert.deepEqual(joined.map(({ event }) => event).slice(-2), ['event', 'result']);
      }
    });

    test('a run is joined from another process after its end', async () => {
      await using database = await fresh();
      await using owner = testApiOn(database.url, talker);
      await using other = testApiOn(database.url, talker);
      const stream = liveFrames(
        await owner.post(STREAM, ask('c', 'stream 20', { include: INCLUDE })),
      );
      const runId = String((await stream.until('thread')).data['run_id']);
      const last = (await stream.rest()).at(-1);
      const joined = await join(other, runId, '0');
      assert.deepEqual(joined.at(-1), last);
    });
  }
});

function ask(contactId: string, message: string, more: object = {}): object {
  return { contact_id: contactId, message, ...more };
}

async function join(api: TestApi, runId: string, after = '0'): Promise<TestFrame[]> {
  const response = await api.get(`/api/v1/runs/${runId}/stream`, { 'last-event-id': after });
  return liveFrames(response).rest();
}

function textOf(frames: readonly TestFrame[]): string {
  return frames
    .filter(({ event }) => event === 'delta')
    .map(({ data }) => String(data['delta']))
    .join('');
}

interface TestEvent {
  readonly event_type: string;
  readonly event_data: Readonly<Record<string, unknown>>;
}

async function eventsOf(api: TestApi, threadId: string, domain: string): Promise<TestEvent[]> {
  const response = await api.get(`/api/v1/threads/${threadId}/events?domain=${domain}&limit=200`);
  assert.equal(response.status, 200);
  const { events }: { events: TestEvent[] } = JSON.parse(await response.text());
  return events;
}

async function latestThread(api: TestApi, contactId: string): Promise<{ id: string }> {
  for (;;) {
    const found = await api.app.threads.latest(contactId);
    if (found) return found.thread;
    await sleep(10);
  }
}
