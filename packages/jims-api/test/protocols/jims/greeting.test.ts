// The app speaks first: a thread that is made with `greet` has a run without a message.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { openStore } from 'jims-core';
import type { JimsAppOptions, ThreadContext } from 'jims-core';

import {
  MORTAL,
  crashingStore,
  living,
} from '../../../../jims-core/test/support/crashing-store.ts';
import { eventually } from '../../../../jims-core/test/support/eventually.ts';
import { SQLITE } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, parseFrames, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';
import { createGate } from '../../support/gate.ts';

const THREADS = '/api/v1/threads';
const CHAT = '/api/v1/chat';
const GREET = { contact_id: 'c', greet: true };
const LOG_OF_GREETING = [
  'jims.lifecycle.thread_created',
  'jims.conversation_started',
  'Welcome, c',
];

const welcoming: Omit<JimsAppOptions, 'store'> = {
  conversationStartPipeline: async (ctx) => ctx.sendMessage(words(`Welcome, ${ctx.contactId}`)),
  pipeline: (ctx) => ctx.sendMessage(`Echo: ${ctx.lastUserMessage}`),
};

describe('greetings', () => {
  const { fresh } = SQLITE;
  test('a greeting is a run of its own, which can be joined', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, welcoming, byContactHeader);
    const contact = { 'x-contact': 'c' };
    const response = await api.post(THREADS, { greet: true }, contact);
    assert.equal(response.status, 201);
    const { thread_id, run_id } = await jsonOf(response);
    assert.equal(response.headers.get('x-jims-run-id'), run_id);
    assert.equal(response.headers.get('location'), `${THREADS}/${String(thread_id)}`);
    const path = `/api/v1/runs/${String(run_id)}/stream?include=delta`;
    const frames = parseFrames(await (await api.get(path, contact)).text());
    const said = frames.filter(({ event }) => event === 'delta').map(({ data }) => data['delta']);
    assert.equal(said.join(''), 'Welcome, c');
    assert.deepEqual(Object(frames.at(-1)?.data)['assistant_messages'], ['Welcome, c']);
    const { runs } = await read(api, `${THREADS}/${String(thread_id)}/runs`, contact);
    assert.deepEqual(
      Array.from(Object(runs), (run) => [Object(run).run_id, Object(run).status]),
      [[run_id, 'completed']],
    );
    const { events } = await read(api, `${THREADS}/${String(thread_id)}/events`, contact);
    assert.equal(Object(events).length, 1, 'a contact sees the greeting alone');
    assert.equal(Object(events)[0].run_id, run_id);
  });

  test('a greeting that is repeated with its key is the same, and its thread', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, welcoming);
    const greet = (key: string, body: object = GREET): Promise<Response> =>
      api.post(THREADS, body, { 'idempotency-key': key });
    const two = await Promise.all([greet('k'), greet('k')]);
    const answers = await Promise.all([...two, await greet('k')].map(jsonOf));
    const ids = answers.map(({ thread_id, run_id }) => `${String(thread_id)} ${String(run_id)}`);
    assert.equal(new Set(ids).size, 1);
    assert.deepEqual(new Set(two.map(({ status }) => status)), new Set([200, 201]));
    assert.equal((await greet('k', { ...GREET, contact_id: 'd' })).status, 422);
    assert.notEqual((await jsonOf(await greet('l')))['thread_id'], answers[0]?.['thread_id']);
    assert.equal(Object((await read(api, `${THREADS}?contact_id=c`))['threads']).length, 2);
  });

  test('a thread is greeted once, and only while nothing was said in it', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, welcoming);
    const open = async (external_id: string): Promise<Readonly<Record<string, unknown>>> =>
      jsonOf(await api.post(THREADS, { ...GREET, external_id }));
    const opened = await Promise.all([open('two'), open('two'), open('two')]);
    assert.equal(new Set(opened.map(({ thread_id }) => thread_id)).size, 1);
    const threadId = String(opened[0]?.['thread_id']);
    const greeted = opened.flatMap(({ run_id }) => (typeof run_id === 'string' ? [run_id] : []));
    assert.equal(greeted.length, 1);
    await read(api, `/api/v1/runs/${greeted[0]}?wait=30`);
    assert.equal((await open('two'))['run_id'], undefined);
    assert.deepEqual(await logOf(api, threadId), LOG_OF_GREETING);

    const { thread } = await api.app.threads.ensure({ contactId: 'c', externalId: 'made before' });
    assert.notEqual((await open('made before'))['run_id'], undefined);
    await eventually(async () => (await logOf(api, thread.id)).includes('Welcome, c'));

    const said = await jsonOf(
      await api.post(CHAT, { contact_id: 'c', message: 'Hi', new_thread: true }),
    );
    const again = await api.post(THREADS, { ...GREET, thread_id: said['thread_id'] });
    assert.equal((await jsonOf(again))['run_id'], undefined);
    assert.ok(!(await logOf(api, String(said['thread_id']))).includes('Welcome, c'));
  });

  test('a first message that comes while the app greets waits, and is not greeted again', async () => {
    await using database = await fresh();
    const gate = createGate();
    await using api = testApiOn(database.url, {
      ...welcoming,
      async conversationStartPipeline(ctx) {
        ctx.sendMessage('Wel');
        await gate.passed(ctx.signal);
        ctx.sendMessage('come');
      },
    });
    const { thread_id } = await jsonOf(await api.post(THREADS, GREET));
    const message = { contact_id: 'c', message: 'Hi', thread_id };
    const sent = api.post(CHAT, { ...message, run_conversation_start_on_new_thread: true });
    const runs = `${THREADS}/${String(thread_id)}/runs`;
    await eventually(async () => Object((await read(api, runs))['runs']).length === 2);
    gate.open();
    assert.deepEqual((await jsonOf(await sent))['assistant_messages'], ['Echo: Hi']);
    const log = await logOf(api, String(thread_id));
    assert.deepEqual(log.slice(2), ['Wel', 'come', 'Hi', 'Echo: Hi']);
  });

  test('a greeting may ask, and goes on after a crash: the next message is the answer', async () => {
    await using database = await fresh();
    await using store = await openStore(database.url);
    const gate = createGate();
    let begun = 0;
    const app = {
      ...welcoming,
      durable: true,
      async conversationStartPipeline(ctx: ThreadContext): Promise<void> {
        await ctx.step('look up', () => ++begun);
        if (begun === 1) await gate.passed(ctx.signal);
        const answer = await ctx.ask('What is your name?');
        ctx.sendMessage(`Hello ${answer.kind === 'message' ? answer.text : answer.kind}`);
      },
    };
    const crashing = crashingStore(store);
    const first = testApiOn(crashing.store, app);
    await first.app.open(MORTAL);
    const { thread_id, run_id } = await jsonOf(await first.post(THREADS, GREET));
    await eventually(() => begun === 1);
    await eventually(() => crashing.calls.includes('storeEntries'));
    await crashing.crash();
    gate.open();

    await using second = testApiOn(living(store), app);
    const path = `/api/v1/runs/${String(run_id)}?wait=30`;
    await eventually(async () => (await read(second, path))['status'] === 'waiting');
    const body = { contact_id: 'c', message: 'Anna', thread_id };
    const answer = await jsonOf(await second.post(CHAT, body));
    assert.deepEqual(answer['assistant_messages'], ['Hello Anna']);
    assert.equal(begun, 1, 'the step is not done again');
    const next = await jsonOf(await second.post(CHAT, { ...body, message: 'Hi' }));
    assert.deepEqual(next['assistant_messages'], ['Echo: Hi']);
  });

  test('an app without a conversation start makes the thread, and says nothing', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, (ctx) => ctx.sendMessage('never'));
    const { thread_id, run_id } = await jsonOf(await api.post(THREADS, GREET));
    assert.equal(
      (await read(api, `/api/v1/runs/${String(run_id)}?wait=30`))['status'],
      'completed',
    );
    assert.deepEqual(await logOf(api, String(thread_id)), LOG_OF_GREETING.slice(0, 2));
  });
});

async function read(
  api: TestApi,
  path: string,
  headers?: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, unknown>>> {
  return jsonOf(await api.get(path, headers));
}

/** What was said, and the types of events that say nothing. */
async function logOf(api: TestApi, threadId: string): Promise<readonly string[]> {
  const { events } = await read(api, `${THREADS}/${threadId}/events?internal=true&limit=200`);
  return Array.from(Object(events), (event) => {
    const { event_type, event_data } = Object(event);
    return String(event_data.content ?? event_type);
  });
}

async function* words(text: string): AsyncGenerator<string> {
  yield* text.split(/(?<= )/);
}
