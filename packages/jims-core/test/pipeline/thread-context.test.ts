import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as v from 'valibot';

import { UnkeptJournal } from '../../src/app/unkept-journal.ts';
import { ThreadContext } from '../../src/pipeline/thread-context.ts';
import { ThreadLog } from '../../src/pipeline/thread-log.ts';
import type { NewEvent, ThreadEvent } from '../../src/thread/event.ts';

test('a context gives the end of a talk, with what stands between its messages', () => {
  const ctx = contextOf([
    event('comm.user_message', { role: 'user', content: 'one' }),
    event('context.fact', { role: 'system', content: 'fact' }),
    event('rag.found', { role: 'system', content: 'internal' }),
    event('comm.assistant_message', { role: 'assistant', content: 'two' }),
    event('comm.user_button_click', { role: 'user', content: 'three' }),
  ]);
  const contents = (length?: number): readonly string[] =>
    ctx.context(length).map(({ content }) => content);
  assert.deepEqual(contents(), ['one', 'fact', 'two', 'three']);
  assert.deepEqual(contents(2), ['two', 'three']);
  assert.deepEqual(
    ctx.history.map(({ content }) => content),
    ['one', 'two', 'three'],
  );
  assert.equal(ctx.lastUserMessage, 'three');
  assert.deepEqual(ctx.lastUserAction, { name: 'user_button_click', content: 'three' });
});

test('what is given to a context in a wrong way is said in the words of the call', () => {
  const ctx = contextOf([event('state.set.n', {})]);
  /** As an author who writes JavaScript calls it. */
  const call = (name: keyof ThreadContext, ...args: readonly unknown[]): unknown =>
    Reflect.apply(Object(ctx[name]), ctx, args);
  const wrong: readonly [Parameters<typeof call>, RegExp][] = [
    [['sendMessage', undefined], /^A message must be text, or .*\. It is undefined$/],
    [['sendMessage', Promise.resolve('x')], /^A message must .* a promise: await it first$/],
    [['sendMessage', 5], /^A message must be .*\. It is a number$/],
    [['sendMessage', {}], /^A message must be .*\. It is an object$/],
    [['sendMessageWithButtons', undefined, []], /^A message with buttons must .* is undefined$/],
    [['sendMessageWithButtons', 'x'], /^Buttons must be a list .*\. It is undefined$/],
    [['ask'], /^A question must be text, or .*\. It is undefined$/],
    [['ask', null], /^A question must be text, or .*\. It is null$/],
    [['ask', { to: 'service' }], /^The name of a question to a service must .* is undefined$/],
    [['step', 'find'], /^The work of the step 'find' must be a function.* It is undefined$/],
    [['step', 'find', Promise.resolve(1)], /^The work of the step 'find' must .* a promise/],
    [['step', 'find', Number, null], /^The options of the step 'find' must be an .* is null$/],
    [['step', 'find', Number, { timeoutMs: Number.NaN }], /^timeoutMs of the .* 1 on\. It is NaN$/],
    [['step', 'find', Number, { timeoutMs: 0 }], /^timeoutMs of the .* 1 on\. It is 0$/],
    [['step', 'find', Number, { retry: {} }], /^retry\.times of the step 'find' .* is undefined$/],
    [
      ['step', 'find', Number, { retry: { times: 1, minDelayMs: -1 } }],
      /^retry\.minDelayMs of the step 'find' must be a number from 0 on\. It is -1$/,
    ],
    [['ask', '?', { expiresInMs: Number.NaN }], /^expiresInMs of a question must be .* is NaN$/],
    [['ask', '?', { name: 5 }], /^The name of a question must be a string\. It is a number$/],
    [['setState', 'n', 5], /^The state 'n' must be an object, .*\. It is a number$/],
    [['setState', 'n', [5]], /^The state 'n' must be an object, .*\. It is a list$/],
    [['setState', undefined, {}], /^The name of a state must be text\. It is undefined$/],
    [['getState', 'n'], /^getState\('n', schema\) needs a schema, .*\. It is undefined$/],
    [['getState'], /^The name of a state must be text\. It is undefined$/],
    [['sendEvent', 'rag.answer'], /^Data of event 'rag\.answer' must be an object$/],
    [['sendEvent'], /^Event type must be a string/],
    [['setTitle'], /^A title must be a string, or null/],
    [['updateAgentStatus'], /^A status must be a string\. It is undefined$/],
    [['updateAgentStatus', null], /^A status must be a string\. It is null$/],
  ];
  for (const [args, message] of wrong) {
    assert.throws(() => call(...args), { name: 'JimsError', message });
  }
  assert.deepEqual(ctx.outgoingEvents, []);
});

test('a state is the newest one, also of this run, and fits its schema', () => {
  const ctx = contextOf([event('state.set.order', { size: 'small' })]);
  const order = v.object({ size: v.string() });
  assert.deepEqual(ctx.getState('order', order), { size: 'small' });
  ctx.setState('order', { size: 'large' });
  assert.deepEqual(ctx.getState('order', order), { size: 'large' });
  assert.equal(ctx.getState('other', order), undefined);
  const other = v.object({ size: v.number() });
  assert.throws(() => ctx.getState('order', other), { code: 'invalid_state' });
});

test('a streamed message is sent in pieces, and then as one event with their id', async () => {
  const sent: (NewEvent | { readonly messageId: string; readonly delta: string })[] = [];
  const ctx = contextOf([], sent);
  async function* chunks(): AsyncGenerator<string> {
    yield 'Smile \uD83D';
    yield '\uDE00';
  }
  assert.equal(await ctx.sendMessage(chunks()), 'Smile 😀');
  const deltas = sent.filter((each) => 'delta' in each);
  assert.equal(deltas.map(({ delta }) => delta).join(''), 'Smile 😀');
  assert.deepEqual(
    ctx.outgoingEvents.map(({ id, data }) => [id, data['content']]),
    [[deltas[0]?.messageId, 'Smile 😀']],
  );
});

test('a stream that fails sends no event', async () => {
  const ctx = contextOf([]);
  const error = new Error('broken');
  async function* chunks(): AsyncGenerator<string> {
    yield 'Hel';
    throw error;
  }
  await assert.rejects(ctx.sendMessage(chunks()), error);
  assert.deepEqual(ctx.outgoingEvents, []);
});

test('a message has no files where there is no place for them', async () => {
  const file = { name: 'a.txt', mediaType: 'text/plain', data: Buffer.from('a') };
  await assert.rejects(contextOf([]).sendMessage('Here', { files: [file] }), {
    code: 'app_invalid',
    message: /only in a run of an app/,
  });
});

function contextOf(events: readonly ThreadEvent[], all: unknown[] = []): ThreadContext {
  const sent: NewEvent[] = [];
  const send = (each: NewEvent): void => {
    sent.push(each);
    all.push(each);
  };
  return new ThreadContext({
    thread: { id: 't', contactId: 'c', externalId: undefined, createdAt: '', config: {} },
    journal: new UnkeptJournal(new ThreadLog(events), new AbortController().signal),
    output: {
      sent,
      event: send,
      message: send,
      status() {},
      step() {},
      piece: (news) => void all.push(news),
    },
    signal: new AbortController().signal,
    runId: 'r',
    llm() {
      throw new Error('no model is needed');
    },
  });
}

function event(type: string, data: ThreadEvent['data']): ThreadEvent {
  return { id: type, threadId: 't', createdAt: '', type, data };
}
