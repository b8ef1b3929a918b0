// Questions of pipelines, and who answers them by HTTP.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Pipeline } from 'jims-core';
import * as v from 'valibot';

import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, parseFrames, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';

type Json = Readonly<Record<string, unknown>>;

const CHAT = '/api/v1/chat';
const QUESTIONS = '/api/v1/questions';
const UNKNOWN = '0190d3a0-0000-7000-8000-000000000099';
const BUTTONS = [
  { id: 'yes', text: 'Yes, please' },
  { id: 'no', text: 'No' },
];
const Approval = v.object({ approved: v.boolean(), limits: v.optional(v.array(v.number())) });

/** Asks the contact whatever they say, except for `hello`. */
const asking: Pipeline = async (ctx) => {
  if (ctx.lastUserMessage === 'hello') return ctx.sendMessage('Hello');
  const answer = await ctx.ask('Refund it?', { buttons: BUTTONS, name: 'secret-name' });
  ctx.sendMessage(answer.kind === 'message' ? `You said ${answer.text}` : answer.kind);
};

const approving: Pipeline = async (ctx) => {
  const answer = await ctx.ask({
    to: 'service',
    name: 'approve refund',
    data: { eur: 900 },
    schema: Approval,
  });
  assert.ok(answer.kind === 'value');
  ctx.sendMessage(`${answer.value.approved ? 'Refunded' : 'Refused'} by ${answer.by?.id}`);
};

describeStores(({ fresh }) => {
  test('a run that asks is waiting, with its question, until the next message answers it', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, asking, byContactHeader);
    const anna = { 'x-contact': 'anna' };
    const response = await api.post(CHAT, { message: 'refund' }, anna);
    const waiting = await jsonOf(response);
    const question = Object(waiting['question']);
    assert.equal(waiting['status'], 'waiting');
    const { id, expires_at, ...shown } = question;
    assert.deepEqual(shown, { text: 'Refund it?', buttons: BUTTONS });
    assert.ok(Date.parse(expires_at) > Date.now());
    assert.equal(Object(waiting['events'])[0].event_data.question_id, id);

    const runId = response.headers.get('x-jims-run-id');
    const run = await read(api, `/api/v1/runs/${runId}?wait=30`, anna);
    assert.equal(run['status'], 'waiting');
    assert.deepEqual(run['question'], question);
    assert.deepEqual([run['chain_id'], run['continues']], [runId, null]);
    assert.deepEqual(Object(run['result']).assistant_messages, waiting['assistant_messages']);
    const thread = `/api/v1/threads/${String(waiting['thread_id'])}`;
    assert.deepEqual((await read(api, thread, anna))['question'], question);

    const answered = await api.post(CHAT, { message: 'no' }, anna);
    const end = await jsonOf(answered);
    assert.deepEqual(end['assistant_messages'], ['You said no']);
    assert.deepEqual(
      ['status', 'question'].filter((name) => name in end),
      [],
    );
    const next = await read(api, `/api/v1/runs/${answered.headers.get('x-jims-run-id')}`, anna);
    assert.deepEqual([next['chain_id'], next['continues']], [runId, id]);
    assert.deepEqual([next['status'], next['question']], ['completed', null]);
    const first = await read(api, `/api/v1/runs/${runId}`, anna);
    assert.deepEqual([first['status'], first['question']], ['completed', null]);
    assert.equal((await read(api, thread, anna))['question'], undefined);
  });

  test('a stream ends with the question; a repeated request says how it stands now', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, asking);
    const key = { 'idempotency-key': 'k' };
    const body = { contact_id: 'c', message: 'refund' };
    const stream = async (): Promise<Json> => {
      const text = await (await api.post(`${CHAT}/stream`, body, key)).text();
      return parseFrames(text).at(-1)?.data ?? {};
    };
    const waiting = await stream();
    assert.equal(waiting['status'], 'waiting');
    assert.deepEqual(await stream(), waiting);
    await api.post(CHAT, { contact_id: 'c', message: 'yes' });
    const later = await stream();
    assert.deepEqual([later['status'], later['question']], ['completed', undefined]);
    assert.deepEqual(later['events'], waiting['events']);
    const runs = `/api/v1/threads/${String(waiting['thread_id'])}/runs`;
    const run = await jsonOf(await api.post(runs, { message: 'refund' }, key));
    assert.equal(run['detail'], 'The idempotency key was used for another request: use a new one');
  });

  test('a message may name the question that it answers, in another thread too', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, asking, byContactHeader);
    const [anna, bert] = [{ 'x-contact': 'anna' }, { 'x-contact': 'bert' }];
    const waiting = await jsonOf(await api.post(CHAT, { message: 'refund' }, anna));
    const { id: answers } = Object(waiting['question']);
    await api.post('/api/v1/threads', { contact_id: 'anna', external_id: 'newer' });
    const hello = await jsonOf(await api.post(CHAT, { message: 'hello' }, anna));
    assert.notEqual(hello['thread_id'], waiting['thread_id']);

    for (const [body, headers] of [
      [{ message: 'yes', answers }, bert],
      [{ message: 'yes', answers: UNKNOWN }, bert],
      [{ contact_id: 'bert', message: 'yes', answers }, {}],
      [{ message: 'yes', answers, thread_id: hello['thread_id'] }, anna],
    ] as const) {
      const refused = await api.post(CHAT, body, headers);
      assert.equal(refused.status, 404, JSON.stringify(body));
      assert.equal((await jsonOf(refused))['code'], 'question_not_found');
    }
    const key = { ...anna, 'idempotency-key': 'k' };
    const body = { message: 'yes', answers };
    const first = await api.post(CHAT, body, key);
    const answer = await jsonOf(first);
    assert.equal(answer['thread_id'], waiting['thread_id']);
    assert.deepEqual(answer['assistant_messages'], ['You said yes']);

    const again = await api.post(CHAT, body, key);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.deepEqual(await jsonOf(again), answer);
    const late = await api.post(CHAT, body, anna);
    assert.equal(late.status, 409);
    assert.equal(late.headers.get('retry-after'), null);
    assert.equal((await jsonOf(late))['code'], 'question_closed');
    const events = `/api/v1/threads/${String(waiting['thread_id'])}/events?domain=comm`;
    assert.equal(Object((await read(api, events))['events']).length, 4);
  });

  test('a message may decline: the question is withdrawn, and a run of its own starts', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, asking);
    const waiting = await api.post(CHAT, { contact_id: 'c', message: 'refund' });
    const { thread_id, question } = await jsonOf(waiting);
    const runs = `/api/v1/threads/${String(thread_id)}/runs`;
    const other = await jsonOf(await api.post(runs, { message: 'hello', answer: false }));
    const end = await read(api, `/api/v1/runs/${String(other['run_id'])}?wait=30`);
    assert.deepEqual(Object(end['result']).assistant_messages, ['Hello']);
    assert.deepEqual([end['chain_id'], end['continues']], [end['run_id'], null]);
    const runId = waiting.headers.get('x-jims-run-id');
    assert.equal((await read(api, `/api/v1/runs/${runId}`))['status'], 'cancelled');
    const late = { message: 'yes', answers: Object(question).id };
    assert.equal((await api.post(runs, late)).status, 409);
  });

  test('a run that waits can be cancelled: its question is withdrawn', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, asking);
    const waiting = await api.post(CHAT, { contact_id: 'c', message: 'refund' });
    const runId = waiting.headers.get('x-jims-run-id');
    const cancelled = await api.post(`/api/v1/runs/${runId}/cancel`, {});
    const run = await jsonOf(cancelled);
    assert.deepEqual([cancelled.status, run['status'], run['question']], [200, 'cancelled', null]);
    const { id } = Object((await jsonOf(waiting))['question']);
    const question = await read(api, `${QUESTIONS}/${id}`);
    assert.deepEqual([question['state'], question['reason']], ['withdrawn', 'cancelled']);
  });

  test('an answer that comes too late is 410', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, async (ctx) => {
      const answer = await ctx.ask('Now?', { expiresInMs: 1 });
      ctx.sendMessage(answer.kind);
    });
    const waiting = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'hi' }));
    const { id } = Object(waiting['question']);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const late = await api.post(CHAT, { contact_id: 'c', message: 'yes', answers: id });
    assert.equal(late.status, 410);
    assert.equal((await jsonOf(late))['code'], 'question_expired');
  });

  test('a service sees what it is asked, and a contact only that their run waits', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, approving, byContactHeader);
    const anna = { 'x-contact': 'anna' };
    const waiting = await api.post(CHAT, { message: 'refund' }, anna);
    const own = await jsonOf(waiting);
    assert.deepEqual([own['status'], own['question']], ['waiting', undefined]);
    const run = `/api/v1/runs/${waiting.headers.get('x-jims-run-id')}`;
    assert.equal((await read(api, run, anna))['status'], 'waiting');
    assert.equal((await read(api, run, anna))['question'], null);
    const { id, name } = Object((await read(api, run))['question']);
    assert.equal(name, 'approve refund');
    const thread = await read(api, `/api/v1/threads/${String(own['thread_id'])}`, anna);
    assert.equal(thread['question'], undefined);

    const question = await read(api, `${QUESTIONS}/${id}`);
    assert.deepEqual(question['data'], { eur: 900 });
    assert.equal(question['contact_id'], 'anna');
    assert.deepEqual(Object(question['schema']).required, ['approved']);
    for (const [method, path] of [
      ['GET', QUESTIONS],
      ['GET', `${QUESTIONS}/${id}`],
      ['POST', `${QUESTIONS}/${id}/answer`],
      ['GET', `${QUESTIONS}/${UNKNOWN}`],
    ] as const) {
      const response = await api.send(method, path, {
        headers: { ...anna, 'content-type': 'application/json' },
        ...(method === 'POST' && { body: '{"value":{"approved":true}}' }),
      });
      assert.equal(response.status, 404, path);
      assert.doesNotMatch(await response.text(), /approve refund|eur/);
    }
    const body = { message: 'approved', answers: id };
    assert.equal((await api.post(CHAT, body, anna)).status, 404);
    assert.equal((await read(api, `${QUESTIONS}/${id}`))['state'], 'open');
  });

  test('a service answers: what does not fit leaves the question open, what fits goes on', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, approving, byContactHeader);
    const anna = { 'x-contact': 'anna' };
    await api.post(CHAT, { message: 'refund' }, anna);
    const { question_id: id } = Object((await listed(api, ''))[0]);
    const path = `${QUESTIONS}/${id}/answer`;
    for (const [body, loc] of [
      [{}, ['body', 'value']],
      [{ value: 'yes' }, ['body', 'value']],
      [{ value: {} }, ['body', 'value']],
      [{ value: { approved: 'yes' } }, ['body', 'value', 'approved']],
      [{ value: { approved: true, limits: [1, 'x'] } }, ['body', 'value', 'limits', '1']],
    ] as const) {
      const refused = await api.post(path, body);
      assert.equal(refused.status, 422, JSON.stringify(body));
      const issues = Object((await jsonOf(refused))['detail']);
      assert.deepEqual(
        issues.map((issue: Json) => issue['loc']),
        [loc],
      );
    }
    const key = { 'idempotency-key': 'k' };
    const body = { value: { approved: true } };
    const accepted = await api.post(path, body, key);
    assert.equal(accepted.status, 202);
    const { run_id, continues } = await jsonOf(accepted);
    assert.equal(accepted.headers.get('location'), `/api/v1/runs/${String(run_id)}`);
    assert.equal(continues, id);
    const end = await read(api, `/api/v1/runs/${String(run_id)}?wait=30`);
    assert.deepEqual(Object(end['result']).assistant_messages, ['Refunded by test']);
    const theirs = await read(api, `/api/v1/runs/${String(run_id)}`, anna);
    assert.equal(theirs['continues'], null, 'the question does not exist for contacts');

    const again = await api.post(path, body, key);
    assert.deepEqual([again.status, (await jsonOf(again))['run_id']], [202, run_id]);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    for (const value of [body.value, 'does not fit']) {
      const late = await api.post(path, { value });
      assert.deepEqual([late.status, (await jsonOf(late))['code']], [409, 'question_closed']);
    }
    const question = await read(api, `${QUESTIONS}/${id}`);
    assert.deepEqual([question['state'], question['continued_by']], ['answered', run_id]);
    assert.equal((await api.post(`${QUESTIONS}/${UNKNOWN}/answer`, body)).status, 404);
  });

  test('questions are listed oldest first, page by page, by audience, state, thread and contact', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, (ctx) =>
      ctx.lastUserMessage === 'refund' ? approving(ctx) : asking(ctx),
    );
    const all: unknown[] = [];
    for (const [contact_id, message] of [
      ['anna', 'refund'],
      ['anna', 'ask'],
      ['bert', 'refund'],
      ['anna', 'refund'],
    ] as const) {
      const answer = await jsonOf(await api.post(CHAT, { contact_id, message, answer: false }));
      all.push(Object(answer['question']).id);
    }
    const [first, contacts, berts, last] = all;
    const ids = async (query: string): Promise<unknown[]> =>
      (await listed(api, query)).map((each) => each['question_id']);
    assert.deepEqual(await ids(''), all);
    assert.deepEqual(await ids('limit=1'), all);
    assert.deepEqual(await ids('limit=3'), all);
    assert.deepEqual(await ids('audience=service'), [first, berts, last]);
    assert.deepEqual(await ids('state=open&contact_id=anna'), [first, last]);
    assert.deepEqual(await ids('state=withdrawn'), [contacts]);
    const { thread_id } = await read(api, `${QUESTIONS}/${String(berts)}`);
    assert.deepEqual(await ids(`thread_id=${String(thread_id)}&limit=1`), [berts]);
    for (const query of ['state=new', 'audience=', 'thread_id=x', 'cursor=x', 'limit=0']) {
      assert.equal((await api.get(`${QUESTIONS}?${query}`)).status, 422, query);
    }
  });

  test('a question to a contact is not answered as one to a service', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, asking);
    const waiting = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'refund' }));
    const { id } = Object(waiting['question']);
    const refused = await api.post(`${QUESTIONS}/${id}/answer`, { value: 'yes' });
    assert.equal(refused.status, 404);
    assert.match(
      String((await jsonOf(refused))['detail']),
      /to the contact: a message with "answers"/,
    );
    assert.equal((await read(api, `${QUESTIONS}/${id}`))['state'], 'open');
  });

  test('a run that failed as its pipeline was changed is retried by a service', async () => {
    await using database = await fresh();
    let isChanged = false;
    const pipeline: Pipeline = (ctx) => {
      if (isChanged) ctx.sendMessage('What is new');
      return asking(ctx);
    };
    let api = testApiOn(database.url, pipeline, byContactHeader);
    const waiting = await api.post(CHAT, { contact_id: 'anna', message: 'refund' });
    const { thread_id } = await jsonOf(waiting);
    isChanged = true;
    const runs = `/api/v1/threads/${String(thread_id)}/runs`;
    const { run_id } = await jsonOf(await api.post(runs, { message: 'yes' }));
    const run = `/api/v1/runs/${String(run_id)}`;
    const failed = await read(api, `${run}?wait=30`);
    assert.deepEqual(
      [failed['status'], Object(failed['error']).code],
      ['failed', 'pipeline_changed'],
    );
    await api.app.close();
    {
      // A copy would do what the service does.
      await using copy = testApiOn(database.url, pipeline);
      await copy.app.open({ recover: false });
      const refused = await copy.post(`${run}/retry`, {});
      assert.deepEqual([refused.status, (await jsonOf(refused))['code']], [503, 'recovery_off']);
    }
    api = testApiOn(database.url, pipeline, byContactHeader);
    isChanged = false;
    assert.equal((await api.post(`${run}/retry`, {}, { 'x-contact': 'anna' })).status, 404);
    const retried = await api.post(`${run}/retry`, {});
    assert.deepEqual([retried.status, retried.headers.get('location')], [202, run]);
    const end = await read(api, `${run}?wait=30`);
    assert.deepEqual([end['status'], end['attempt']], ['completed', 2]);
    assert.deepEqual(Object(end['result']).assistant_messages, ['You said yes']);
    const again = await api.post(`${run}/retry`, {});
    assert.deepEqual([again.status, (await jsonOf(again))['code']], [409, 'run_not_retried']);
    assert.equal((await api.post(`/api/v1/runs/${UNKNOWN}/retry`, {})).status, 404);
    await api.app.close();
  });

  test('a copy of the database answers nothing, and leaves questions open', async () => {
    await using database = await fresh();
    let id: unknown;
    {
      await using api = testApiOn(database.url, approving);
      const waiting = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'refund' }));
      ({ id } = Object(waiting['question']));
    }
    await using api = testApiOn(database.url, approving);
    await api.app.open({ recover: false });
    const path = `${QUESTIONS}/${String(id)}`;
    const refused = await api.post(`${path}/answer`, { value: { approved: true } });
    assert.deepEqual([refused.status, (await jsonOf(refused))['code']], [503, 'recovery_off']);
    assert.equal((await read(api, path))['state'], 'open');
  });
});

async function read(
  api: TestApi,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Json> {
  const response = await api.get(path, headers);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return Object(JSON.parse(text));
}

/** All questions, page by page. */
async function listed(api: TestApi, query: string): Promise<Json[]> {
  const all: Json[] = [];
  for (let cursor = ''; ;) {
    const page = await read(api, `${QUESTIONS}?${query}${cursor}`);
    all.push(...Object(page['questions']));
    const { next_cursor: next } = page;
    if (typeof next !== 'string') return all;
    cursor = `&cursor=${next}`;
  }
}
