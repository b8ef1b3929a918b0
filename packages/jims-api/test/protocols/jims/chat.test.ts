import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { jsonOf, testApi } from '../../support/api.ts';

const CHAT = '/api/v1/chat';

function echo(ctx: ThreadContext): void {
  ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
}

function said(content: string): object {
  return { event_type: 'comm.assistant_message', event_data: { role: 'assistant', content } };
}

test('messages of a contact continue their latest thread, until another one is named', async () => {
  await using api = testApi(echo);
  const first = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'one' }));
  const second = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'two' }));
  assert.equal(first['created_new_thread'], true);
  assert.equal(second['created_new_thread'], false);
  assert.equal(second['thread_id'], first['thread_id']);
  const older = await api.app.threads.getOrCreate({
    contactId: 'c',
    threadId: '0190d3a0-abcd-7222-8333-444444444446',
  });
  const named = await jsonOf(
    await api.post(CHAT, {
      contact_id: 'c',
      message: 'three',
      thread_id: `{${older.thread.id.toUpperCase()}}`,
    }),
  );
  assert.equal(named['thread_id'], older.thread.id);
  assert.equal(named['created_new_thread'], false);
});

test('the pipeline gets the config, the event type and the text as they were sent', async () => {
  let seen: unknown;
  await using api = testApi((ctx) => {
    const { name, content } = ctx.lastUserAction ?? {};
    seen = { config: ctx.threadConfig, name, content, contactId: ctx.contactId };
  });
  const config = { lang: 'de', deep: { a: [1, null] } };
  await api.post(CHAT, {
    contact_id: 'c',
    message: '  \n',
    thread_config: config,
    event_type: 'comm.user_button_click',
  });
  assert.deepEqual(seen, { config, name: 'user_button_click', content: '  \n', contactId: 'c' });
  await api.post(CHAT, { contact_id: 'd', message: '' });
  assert.deepEqual(seen, {
    config: { interface: 'api' },
    name: 'user_message',
    content: '',
    contactId: 'd',
  });
});

test('messages with buttons and events of the app are in events, internal ones are not', async () => {
  await using api = testApi((ctx) => {
    ctx.sendEvent('rag.done', { hits: 2 });
    ctx.sendMessageWithButtons('pick', [{ text: 'A', id: 'a' }]);
    ctx.setState('secret', { n: 1 });
    ctx.sendEvent('context.note', { role: 'assistant', content: 'hidden' });
    ctx.sendMessage('done');
  });
  const answer = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'x' }));
  assert.deepEqual(answer['assistant_messages'], ['done']);
  assert.deepEqual(answer['events'], [
    { event_type: 'rag.done', event_data: { hits: 2 } },
    {
      event_type: 'comm.assistant_message_with_buttons',
      event_data: { role: 'assistant', content: 'pick', buttons: [{ text: 'A', id: 'a' }] },
    },
    said('done'),
  ]);
});

test('a greeting is sent to clients that ask for it, in a new thread only', async () => {
  await using api = testApi({
    pipeline: echo,
    conversationStartPipeline: (ctx) => {
      ctx.sendMessage('Welcome!');
      ctx.setState('greeted', { at: 1 });
    },
  });
  const request = {
    message: 'Hi',
    run_conversation_start_on_new_thread: true,
  };
  const plain = await jsonOf(await api.post(CHAT, { ...request, contact_id: 'a' }));
  assert.deepEqual(plain['assistant_messages'], ['You said: Hi']);
  assert.equal('start' in plain, false);
  const asking = { ...request, contact_id: 'b', include: ['start'] };
  const greeted = await jsonOf(await api.post(CHAT, asking));
  assert.deepEqual(greeted['start'], {
    assistant_messages: ['Welcome!'],
    events: [said('Welcome!')],
  });
  assert.deepEqual(greeted['assistant_messages'], ['You said: Hi']);
  const later = await jsonOf(await api.post(CHAT, asking));
  assert.deepEqual(later['start'], { assistant_messages: [], events: [] });
});

test('a thread_id with NUL is not a UUID, in the words of the original', async () => {
  await using api = testApi(echo);
  const thread_id = '0190d3a0-1111-7222-8333-444444444444\0';
  const response = await api.post(CHAT, { contact_id: 'c', message: 'x', thread_id });
  assert.equal(response.status, 422);
  assert.deepEqual(await response.json(), {
    detail: [
      {
        type: 'uuid_parsing',
        loc: ['body', 'thread_id'],
        msg: 'Input should be a valid UUID, invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `\0` at 37',
        input: thread_id,
      },
    ],
  });
});

test('a thread of another contact is as unknown as one that does not exist', async () => {
  await using api = testApi(echo);
  const owner = await jsonOf(await api.post(CHAT, { contact_id: 'owner', message: 'secret' }));
  for (const thread_id of [owner['thread_id'], '0190d3a0-1111-7222-8333-444444444444']) {
    const response = await api.post(CHAT, { contact_id: 'thief', message: 'x', thread_id });
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), { detail: `Thread '${String(thread_id)}' not found` });
  }
});

test('threads may be shared by all callers, as in the original', async () => {
  await using api = testApi(echo, { sharedThreads: true });
  const owner = await jsonOf(await api.post(CHAT, { contact_id: 'owner', message: 'one' }));
  const { thread_id } = owner;
  const other = await api.post(CHAT, { contact_id: 'other', message: 'two', thread_id });
  assert.equal(other.status, 200);
  assert.equal((await jsonOf(other))['thread_id'], thread_id);
});

test('the text of a failing pipeline stays in the service, and nothing of it is stored', async () => {
  await using api = testApi((ctx) => {
    if (ctx.lastUserMessage !== 'boom') return reply(ctx);
    ctx.sendMessage('partial');
    throw new Error('password=hunter2');
  });
  function reply(ctx: ThreadContext): void {
    ctx.sendMessage(ctx.history.map(({ content }) => content).join('|'));
  }
  const boom = { contact_id: 'c', message: 'boom' };
  const failed = await api.post(CHAT, boom, { 'x-request-id': 'r1' });
  assert.equal(failed.status, 500);
  assert.deepEqual(await failed.json(), { detail: 'Pipeline error (request r1)' });
  const run = await api.app.runs.record(failed.headers.get('x-jims-run-id') ?? '');
  assert.equal(run?.error?.code, 'pipeline_failed');
  assert.equal(failed.headers.get('x-jims-thread-id'), run.thread.id);
  const after = await jsonOf(await api.post(CHAT, { contact_id: 'c', message: 'next' }));
  assert.deepEqual(after['assistant_messages'], ['boom|next'], 'the question is kept');
});

test('for development the text of a failing pipeline can be shown', async () => {
  await using api = testApi(
    () => {
      throw new Error('kaboom');
    },
    { exposeErrors: true },
  );
  const failed = await api.post(CHAT, { contact_id: 'c', message: 'x' });
  assert.equal(failed.status, 500);
  assert.deepEqual(await failed.json(), { detail: 'Pipeline error: kaboom' });
});

test('event types that may not be sent are 422, and open no thread', async () => {
  await using api = testApi(echo);
  const forged = { contact_id: 'c', message: 'x', event_type: 'state.set.counter' };
  const response = await api.post(CHAT, forged);
  assert.equal(response.status, 422);
  assert.deepEqual(await response.json(), {
    detail: [
      {
        type: 'value_error',
        loc: ['body', 'event_type'],
        msg: 'Value error, clients may not send events of this type',
        input: 'state.set.counter',
        ctx: { error: 'clients may not send events of this type' },
      },
    ],
  });
  assert.equal(await api.app.threads.latest('c'), undefined);
});

test('an operator may allow them, and forbid others', async () => {
  await using api = testApi(echo, { allowedEventTypes: ['state.set.theme'] });
  const send = async (event_type: string): Promise<number> =>
    (await api.post(CHAT, { contact_id: 'c', message: 'x', event_type })).status;
  assert.equal(await send('state.set.theme'), 200);
  assert.equal(await send('comm.user_message'), 422);
});

test('first messages of one contact at the same time share one thread, and are answered in turn', async () => {
  await using api = testApi(echo);
  const answers = await Promise.all(
    Array.from({ length: 8 }, async (_, i) =>
      jsonOf(await api.post(CHAT, { contact_id: 'c', message: `m${i}` })),
    ),
  );
  assert.equal(new Set(answers.map((answer) => answer['thread_id'])).size, 1);
  assert.equal(answers.filter((answer) => answer['created_new_thread']).length, 1);
  answers.forEach((answer, i) => {
    assert.deepEqual(answer['assistant_messages'], [`You said: m${i}`]);
  });
});
