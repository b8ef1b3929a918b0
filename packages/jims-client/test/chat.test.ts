import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { ThreadContext } from 'jims-core';
import { takeOver } from 'jims-core/host';

import { createGate } from '../../jims-api/test/support/gate.ts';
import { serveApp } from '../../jims-api/test/support/listening-app.ts';
import { eventually } from '../../jims-core/test/support/eventually.ts';
import { freshSqlite } from '../../jims-core/test/support/sqlite.ts';
import { JimsClient } from '../src/index.ts';
import type { Chat, ChatSnapshot, Fetch, OpenChatOptions } from '../src/index.ts';
import { isSettled, textsOf, until } from './support/until.ts';

const has =
  (count: number) =>
  (snapshot: ChatSnapshot): boolean =>
    isSettled(snapshot) && snapshot.messages.length === count;

/** A chat that is left when its test is over, however that ends. */
function open(t: TestContext, jims: JimsClient, options?: OpenChatOptions): Chat {
  const chat = jims.openChat(options);
  t.after(chat.close);
  return chat;
}

function counting(ctx: ThreadContext): void {
  ctx.sendMessage(`${ctx.history.length} so far`);
}

describe('a chat', () => {
  test('a message is shown at once, the answer as it grows, and both as they are stored', async (t) => {
    const gate = createGate();
    await using served = await serveApp(async (ctx: ThreadContext) => {
      ctx.updateAgentStatus('thinking hard');
      await ctx.sendMessage(
        (async function* () {
          yield 'one ';
          await gate.passed(ctx.signal);
          yield 'two';
        })(),
      );
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const chat = open(t, jims);
    const sent = chat.send('Hi');
    assert.equal(chat.getSnapshot().status, 'sending');
    assert.deepEqual(textsOf(chat.getSnapshot()), ['user: Hi']);
    const key = chat.getSnapshot().messages[0]?.key;
    await sent;
    const growing = await until(chat, ({ messages }) => messages[1]?.text === 'one ');
    assert.equal(growing.run?.status, 'thinking hard');
    assert.equal(growing.status, 'answering');
    assert.equal(growing.messages[1]?.state, 'growing');
    gate.open();
    const end = await until(chat, has(2));
    assert.deepEqual(textsOf(end), ['user: Hi', 'assistant: one two']);
    assert.equal(end.messages[0]?.key, key);
    assert.equal(end.messages[1]?.key, growing.messages[1]?.key);
    await until(chat, ({ title }) => title === 'Hi');
  });

  test('two chats of a thread show the same: messages, clicks by what the button says, what grows', async (t) => {
    const gate = createGate();
    await using served = await serveApp(async (ctx: ThreadContext) => {
      const { content, name } = ctx.lastUserAction ?? {};
      ctx.sendMessageWithButtons(`heard ${content}, a ${name}`, [{ id: 'yes', text: 'Yes!' }]);
      if (content === 'wait') await gate.passed(ctx.signal);
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const one = open(t, jims);
    await one.send('1');
    const { threadId } = await until(one, has(2));
    const two = open(t, jims, { threadId });
    await until(two, has(2));
    await one.click('yes');
    const snapshot = await until(two, has(4));
    assert.equal(snapshot.messages[2]?.text, 'Yes!');
    assert.equal(snapshot.messages[2]?.type, 'comm.user_button_click');
    assert.equal(snapshot.messages[3]?.text, 'heard yes, a user_button_click');
    await two.send('wait');
    const seen = await until(one, ({ messages }) => messages.length === 6);
    assert.equal(seen.status, 'answering');
    gate.open();
    const [first, second] = [await until(one, has(6)), await until(two, has(6))];
    assert.deepEqual(textsOf(first), textsOf(second));
  });

  test('a page that is loaded anew goes on with the answer, and stops it; what was seen stays', async (t) => {
    const gate = createGate();
    await using served = await serveApp(async (ctx: ThreadContext) => {
      await ctx.sendMessage(
        (async function* () {
          yield 'one';
          await gate.passed(ctx.signal);
        })(),
      );
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const before = open(t, jims);
    await before.send('Hi');
    const { threadId, run } = await until(before, ({ messages }) => messages[1]?.text === 'one');
    before.close();
    const chat = open(t, jims, { threadId });
    const joined = await until(chat, ({ messages }) => messages[1]?.text === 'one');
    assert.equal(joined.run?.runId, run?.runId);
    await chat.send('waits');
    assert.equal(chat.getSnapshot().status, 'answering');
    await chat.stop();
    const stopped = await until(chat, ({ messages }) => messages[1]?.state === 'partial');
    assert.deepEqual(textsOf(stopped).slice(0, 3), ['user: Hi', 'assistant: one', 'user: waits']);
    gate.open();
    await until(chat, has(4));
  });

  test('a greeting comes before the first message, and older messages come in pages', async (t) => {
    await using served = await serveApp({
      pipeline(ctx) {
        if (ctx.lastUserMessage === 'fail') throw new Error('kaboom');
        counting(ctx);
      },
      conversationStartPipeline: (ctx) => ctx.sendMessage('Welcome!'),
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const chat = open(t, jims, { greet: true });
    // Also where nobody listens yet.
    await chat.send('Hi');
    const { threadId } = await until(chat, has(3));
    assert.deepEqual(textsOf(chat.getSnapshot()), [
      'assistant: Welcome!',
      'user: Hi',
      'assistant: 2 so far',
    ]);
    await assert.rejects(jims.chat('fail', { threadId }), { code: 'pipeline_failed' });
    for (let count = 0; count < 30; count++) await jims.chat(`n${count}`, { threadId });
    const again = open(t, jims, { threadId });
    const newest = await until(again, isSettled);
    assert.equal(newest.messages.length, 50);
    assert.equal(newest.hasOlder, true);
    await again.loadOlder();
    const all = await until(again, has(64));
    assert.equal(all.hasOlder, false);
    assert.equal(all.messages[0]?.text, 'Welcome!');
    const unanswered = all.messages.filter(({ isUnanswered }) => isUnanswered);
    assert.deepEqual(
      unanswered.map(({ text }) => text),
      ['fail'],
    );
  });

  test('the app greets in a new chat when somebody listens, once; a reload in the middle goes on', async (t) => {
    const gate = createGate();
    await using served = await serveApp({
      pipeline: counting,
      async conversationStartPipeline(ctx) {
        await ctx.sendMessage(
          (async function* () {
            yield 'Wel';
            await gate.passed(ctx.signal);
            yield 'come!';
          })(),
        );
      },
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const chat = open(t, jims, { greet: true });
    assert.equal(chat.getSnapshot().status, 'loading');
    assert.deepEqual((await jims.threads.list()).threads, [], 'nobody listens');
    // As React does in strict mode.
    chat.subscribe(() => {})();
    const { threadId, status } = await until(chat, ({ messages }) => messages[0]?.text === 'Wel');
    assert.equal(status, 'answering');
    const again = open(t, jims, { threadId, greet: true });
    await until(again, ({ messages }) => messages[0]?.text === 'Wel');
    const sent = chat.send('Hi');
    gate.open();
    await sent;
    for (const each of [chat, again]) {
      assert.deepEqual(textsOf(await until(each, has(3))), [
        'assistant: Welcome!',
        'user: Hi',
        'assistant: 2 so far',
      ]);
    }
    assert.equal((await jims.threads.list()).threads.length, 1);
  });

  test('a question is answered by a button, by text and by a value', async (t) => {
    await using served = await serveApp(async (ctx: ThreadContext) => {
      const size = await ctx.ask('Which size?', {
        buttons: [
          { id: 's', text: 'Small' },
          { id: 'l', text: 'Large' },
        ],
      });
      const count = await ctx.ask('How many?');
      ctx.sendMessage(
        `${size.kind === 'message' ? size.buttonId : '?'} ${count.kind === 'message' ? count.text : '?'}`,
      );
    });
    const chat = open(t, new JimsClient({ url: served.origin, contactId: 'ann' }));
    await assert.rejects(chat.answer('no question'), { code: 'question_closed' });
    await chat.send('order');
    const { question } = await until(
      chat,
      (snapshot) => has(2)(snapshot) && snapshot.question !== undefined,
    );
    assert.equal(question?.text, 'Which size?');
    const asking = chat.getSnapshot().messages.find(({ id }) => id === question?.messageId);
    assert.equal(asking?.text, 'Which size?');
    const { threadId } = chat.getSnapshot();
    const again = open(t, new JimsClient({ url: served.origin, contactId: 'ann' }), { threadId });
    const seen = await until(again, (snapshot) => snapshot.question?.messageId !== undefined);
    assert.deepEqual(seen.question, question);
    assert.deepEqual(question?.buttons, [
      { id: 's', text: 'Small' },
      { id: 'l', text: 'Large' },
    ]);
    await chat.answer('l');
    await until(chat, (snapshot) => has(4)(snapshot) && snapshot.question?.text === 'How many?');
    await chat.answer(3);
    const end = await until(chat, has(6));
    assert.deepEqual(textsOf(end).slice(2), [
      'user: Large',
      'assistant: How many?',
      'user: 3',
      'assistant: l 3',
    ]);
    assert.equal(end.question, undefined);
  });

  test('a run that failed is run again in a copy of the thread; a message is replaced the same way', async (t) => {
    let isBroken = true;
    await using served = await serveApp(
      (ctx) => {
        if (isBroken) throw new Error('kaboom');
        counting(ctx);
      },
      { exposeErrors: true },
    );
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const chat = open(t, jims);
    await chat.send('first');
    const failed = await until(chat, ({ error }) => error !== undefined);
    assert.match(failed.error?.message ?? '', /kaboom/);
    assert.equal(failed.messages[0]?.isUnanswered, true);
    const again = open(t, jims, { threadId: failed.threadId });
    assert.equal(
      (await until(again, ({ error }) => error !== undefined)).error?.code,
      'pipeline_failed',
    );
    isBroken = false;
    await chat.retry();
    const retried = await until(chat, has(2));
    assert.deepEqual(textsOf(retried), ['user: first', 'assistant: 1 so far']);
    assert.equal(retried.error, undefined);
    assert.equal(retried.messages[0]?.isUnanswered, false);
    await chat.send('second');
    const { messages, threadId } = await until(chat, has(4));
    await chat.edit(messages[2]?.id ?? '', 'changed');
    const edited = await until(
      chat,
      (snapshot) => has(4)(snapshot) && snapshot.threadId !== threadId,
    );
    assert.deepEqual(textsOf(edited).slice(2), ['user: changed', 'assistant: 3 so far']);
    const { threads } = await jims.threads.list();
    assert.deepEqual(
      threads.map(({ thread_id }) => thread_id),
      [edited.threadId],
    );
  });

  test('a durable run that other code has stopped goes on in its thread; for a contact, in a copy', async (t) => {
    using file = freshSqlite();
    const order = {
      durable: true,
      store: file.url,
      async pipeline(ctx: ThreadContext): Promise<void> {
        const size = await ctx.ask('Which size?');
        ctx.sendMessage(`Size ${size.kind === 'message' ? size.text : '?'}`);
      },
    };
    const changed = {
      ...order,
      pipeline: (ctx: ThreadContext) => ctx.sendMessage('There is one size'),
    };
    await using served = await serveApp(order, {
      store: file.url,
      authenticate: async ({ headers }) =>
        headers.has('authorization')
          ? { kind: 'contact', id: 'bob', contactId: 'bob' }
          : { kind: 'service', id: 'open' },
    });
    const { app, origin: url } = served;
    const service = open(t, new JimsClient({ url, contactId: 'ann' }));
    const contact = open(t, new JimsClient({ url, token: 'bob' }));
    for (const chat of [service, contact]) {
      await chat.send('order');
      await until(chat, ({ question }) => question !== undefined);
    }
    assert.deepEqual(takeOver(app, defineApp(changed)), []);
    for (const chat of [service, contact]) {
      await chat.answer('large');
      const { error } = await until(chat, (snapshot) => snapshot.error !== undefined);
      assert.equal(error?.code, 'pipeline_changed');
    }
    const { threadId } = service.getSnapshot();
    const other = open(t, new JimsClient({ url, contactId: 'ann' }), { threadId });
    await until(other, ({ error }) => error?.code === 'pipeline_changed');
    // It may go on although the answer says otherwise: a copy would do all of it once more.
    const refusing: Fetch = async (address, init) =>
      address.endsWith('/retry') ? new Response('', { status: 500 }) : fetch(address, init);
    const unsure = open(t, new JimsClient({ url, contactId: 'ann', fetch: refusing }), {
      threadId,
    });
    await until(unsure, ({ error }) => error?.code === 'pipeline_changed');
    await assert.rejects(unsure.retry(), { status: 500 });
    assert.equal(unsure.getSnapshot().threadId, threadId);

    assert.deepEqual(takeOver(app, defineApp(order)), []);
    // Impatient people call it twice.
    await Promise.all([service.retry(), service.retry()]);
    for (const chat of [service, other]) {
      const end = await until(chat, has(4));
      assert.deepEqual(textsOf(end).slice(2), ['user: large', 'assistant: Size large']);
      assert.equal(end.threadId, threadId);
      assert.equal(end.error, undefined);
    }
    const before = contact.getSnapshot().threadId;
    await contact.retry();
    const copy = await until(contact, has(4));
    assert.notEqual(copy.threadId, before);
    assert.deepEqual(textsOf(copy).slice(2), ['user: large', 'assistant: Which size?']);
  });

  test('files go with a message; feedback is kept', async (t) => {
    await using served = await serveApp(async (ctx: ThreadContext) => {
      const [file] = ctx.files;
      const data = new TextEncoder().encode(`copy of ${await file?.text()}`);
      await ctx.sendMessage('here', {
        files: [{ name: 'copy.txt', mediaType: 'text/plain', data }],
      });
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const chat = open(t, jims);
    await chat.send('look', { files: [new File(['hello'], 'note.txt', { type: 'text/plain' })] });
    const { messages, threadId } = await until(chat, has(2));
    const [note] = messages[0]?.files ?? [];
    assert.deepEqual(
      [note?.name, note?.mediaType, note?.size, note?.progress],
      ['note.txt', 'text/plain', 5, 1],
    );
    const url = messages[1]?.files[0]?.url ?? '';
    assert.equal(await (await fetch(url)).text(), 'copy of hello');
    const address = await jims.files.address(messages[1]?.files[0]?.fileId ?? '');
    assert.equal(await (await fetch(address.url)).text(), 'copy of hello');
    const messageId = messages[1]?.id ?? '';
    await chat.giveFeedback(messageId, { value: 'down', comment: 'too short' });
    const again = open(t, jims, { threadId });
    const seen = await until(again, has(2));
    assert.deepEqual(seen.messages[1]?.feedback, { value: 'down', comment: 'too short' });
    await again.giveFeedback(messageId, undefined);
    assert.equal(again.getSnapshot().messages[1]?.feedback, undefined);
    await assert.rejects(again.giveFeedback(messages[0]?.id ?? '', { value: 'up' }), {
      code: 'message_not_found',
    });
    assert.equal(again.getSnapshot().messages[0]?.feedback, undefined);
  });

  test('what the service refuses is shown as failed, and can be sent again', async (t) => {
    await using served = await serveApp(counting, { maxMessageBytes: 20 });
    const chat = open(t, new JimsClient({ url: served.origin, contactId: 'ann' }));
    await assert.rejects(chat.send('far too long for this service'), {
      code: 'message_too_large',
      status: 413,
    });
    const { messages, error } = chat.getSnapshot();
    assert.equal(messages[0]?.state, 'failed');
    assert.equal(error?.code, 'message_too_large');
    await chat.edit(messages[0]?.id ?? '', 'short');
    const end = await until(chat, has(2));
    assert.deepEqual(textsOf(end), ['user: short', 'assistant: 1 so far']);
    assert.equal(end.error, undefined);
    const files = [new File(['much more than it takes'], 'a.txt')];
    await assert.rejects(chat.send('too long, this one, too', { files }));
    const { messages: now } = chat.getSnapshot();
    const taken = chat.discard(now[2]?.id ?? '');
    assert.deepEqual(taken, { text: 'too long, this one, too', files });
    assert.deepEqual(textsOf(chat.getSnapshot()), textsOf(end));
    assert.equal(chat.getSnapshot().error, undefined);
    assert.equal(chat.discard(now[0]?.id ?? ''), undefined, 'it was accepted');
  });

  test('a message waits for those before it, and for the connection', async (t) => {
    await using served = await serveApp(counting);
    let isDown = true;
    const chat = open(
      t,
      new JimsClient({
        url: served.origin,
        contactId: 'ann',
        fetch: (url, init) => (isDown ? Promise.reject(new TypeError('down')) : fetch(url, init)),
      }),
    );
    const statesOf = ({ messages }: ChatSnapshot): string[] => messages.map(({ state }) => state);
    const sent = [chat.send('one'), chat.send('two')];
    await until(chat, ({ status }) => status === 'reconnecting');
    assert.deepEqual(statesOf(chat.getSnapshot()), ['queued', 'queued']);
    isDown = false;
    await Promise.all(sent);
    await until(chat, has(4));
  });

  test('it answers until every message has its answer, and only then it is ready', async (t) => {
    const [first, last] = [createGate(), createGate()];
    await using served = await serveApp(async (ctx: ThreadContext) => {
      await (ctx.lastUserMessage === 'three' ? last : first).passed(ctx.signal);
      counting(ctx);
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const follow = (chat: Chat): Set<string> => {
      const seen = new Set<string>();
      chat.subscribe(() => seen.add(chat.getSnapshot().status));
      return seen;
    };
    const chat = open(t, jims);
    const seen = follow(chat);
    for (const text of ['one', 'two', 'three']) await chat.send(text);
    first.open();
    const isLast = ({ run, messages }: ChatSnapshot): boolean =>
      messages.find(({ text }) => text === 'three')?.runId === run?.runId;
    const { threadId } = await until(chat, isLast);
    assert.deepEqual([...seen], ['sending', 'answering']);
    const other = open(t, jims, { threadId });
    const seenByOther = follow(other);
    await until(other, ({ run }) => run !== undefined);
    assert.deepEqual([...seenByOther], ['loading', 'answering']);
    last.open();
    await Promise.all([until(chat, has(6)), until(other, has(6))]);
  });

  test('a message that is sent again waits as others do: it cannot be discarded then', async (t) => {
    await using served = await serveApp(counting);
    let isDown = true;
    const jims = new JimsClient({
      url: served.origin,
      contactId: 'ann',
      fetch: async (url, init) =>
        isDown
          ? Response.json({ detail: 'no', code: 'forbidden' }, { status: 403 })
          : fetch(url, init),
    });
    const chat = open(t, jims);
    for (const text of ['one', 'two']) await assert.rejects(chat.send(text), { code: 'forbidden' });
    isDown = false;
    const retried = chat.retry();
    const { messages } = chat.getSnapshot();
    assert.deepEqual(
      messages.map(({ id, state }) => [state, chat.discard(id)]),
      [
        ['queued', undefined],
        ['queued', undefined],
      ],
    );
    await retried;
    const { messages: sent } = await until(chat, has(4));
    assert.deepEqual(
      sent.filter(({ role }) => role === 'user').map(({ text }) => text),
      ['one', 'two'],
    );
  });

  test('a greeting that did not come is called for again', async (t) => {
    await using served = await serveApp({
      pipeline: counting,
      conversationStartPipeline: (ctx) => ctx.sendMessage('Welcome!'),
    });
    let isDown = true;
    const jims = new JimsClient({
      url: served.origin,
      contactId: 'ann',
      fetch: async (url, init) =>
        isDown
          ? Response.json({ detail: 'no', code: 'forbidden' }, { status: 403 })
          : fetch(url, init),
    });
    const chat = open(t, jims, { greet: true });
    // One who begins to listen calls for it, too.
    chat.subscribe(() => {});
    await eventually(() => chat.getSnapshot().error?.code === 'forbidden');
    isDown = false;
    await chat.retry();
    await eventually(() => has(1)(chat.getSnapshot()));
    assert.deepEqual(textsOf(chat.getSnapshot()), ['assistant: Welcome!']);
  });

  for (const durable of [false, true]) {
    test(`a greeting that failed is called for again (durable: ${durable})`, async (t) => {
      let greetings = 0;
      await using served = await serveApp({
        pipeline: counting,
        conversationStartPipeline: async (ctx) => {
          const n = await ctx.step('count', () => ++greetings);
          if (n < 3) throw new Error('no');
          ctx.sendMessage('Welcome!');
        },
        durable,
      });
      const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
      const chat = open(t, jims, { greet: true });
      const failed = await until(chat, ({ error }) => error?.code === 'pipeline_failed');
      await chat.retry();
      await until(chat, ({ error, status }) => error !== undefined && status === 'ready');
      // Also in a page that was loaded again.
      const { threadId } = failed;
      const again = open(t, jims, { threadId, greet: true });
      await until(again, ({ error }) => error?.code === 'pipeline_failed');
      await again.retry();
      for (const each of [again, chat]) {
        assert.deepEqual(textsOf(await until(each, has(1))), ['assistant: Welcome!']);
      }
    });
  }

  test('older messages that come after an edit stay in the thread that was left', async (t) => {
    const gate = createGate();
    await using served = await serveApp(counting);
    let isHeld = false;
    const jims = new JimsClient({
      url: served.origin,
      contactId: 'ann',
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (isHeld && url.includes('cursor=') && url.includes('order=desc')) {
          await gate.passed(new AbortController().signal);
        }
        return answer;
      },
    });
    const thread = await served.app.threads.getOrCreate({ contactId: 'ann' });
    for (let n = 0; n < 70; n++) await thread.appendUserMessage(`${n}`);
    const chat = open(t, jims, { threadId: thread.thread.id });
    const { messages } = await until(chat, ({ hasOlder }) => hasOlder);
    isHeld = true;
    const older = chat.loadOlder();
    await chat.edit(messages.at(-1)?.id ?? '', 'edited');
    const isAnswered = (snapshot: ChatSnapshot): boolean =>
      isSettled(snapshot) && snapshot.messages.at(-1)?.text === '70 so far';
    const edited = textsOf(await until(chat, isAnswered));
    gate.open();
    await older;
    assert.deepEqual(textsOf(chat.getSnapshot()), edited);
    await chat.loadOlder();
    assert.equal(chat.getSnapshot().messages.length, 71);
  });

  test('stop ends the run that answers, also while a message is on its way', async (t) => {
    await using served = await serveApp(async (ctx: ThreadContext) => {
      ctx.updateAgentStatus('waiting');
      if (ctx.lastUserMessage === 'one') await createGate().passed(ctx.signal);
    });
    const gate = createGate();
    let isHeld = false;
    const jims = new JimsClient({
      url: served.origin,
      contactId: 'ann',
      fetch: async (url, init) => {
        if (isHeld && url.endsWith('/chat/stream')) await gate.passed(new AbortController().signal);
        return fetch(url, init);
      },
    });
    const chat = open(t, jims);
    await chat.send('one');
    await until(chat, ({ run }) => run?.status === 'waiting');
    isHeld = true;
    const sent = chat.send('two');
    const { run } = chat.getSnapshot();
    const stopped = chat.stop();
    await eventually(async () => (await jims.runs.get(run?.runId ?? '')).status === 'cancelled');
    gate.open();
    await Promise.all([sent, stopped]);
    const { threadId = '' } = await until(chat, isSettled);
    const { runs } = await jims.threads.runs(threadId);
    assert.deepEqual(
      runs.map(({ status }) => status),
      ['completed', 'cancelled'],
    );
  });

  test('what is given up before there is a token is not sent', async (t) => {
    const token = Promise.withResolvers<string>();
    let isSent = false;
    const jims = new JimsClient({
      url: 'http://127.0.0.1:9',
      token: () => token.promise,
      fetch: async () => {
        isSent = true;
        return Response.json({});
      },
    });
    const chat = open(t, jims);
    const sent = chat.send('Hi');
    chat.close();
    token.resolve('late');
    await assert.rejects(sent, { code: 'aborted' });
    assert.equal(isSent, false);
  });

  test('stop resolves when the run is over', async (t) => {
    await using served = await serveApp(async (ctx: ThreadContext) => {
      ctx.updateAgentStatus('waiting');
      await createGate().passed(ctx.signal);
    });
    const chat = open(t, new JimsClient({ url: served.origin, contactId: 'ann' }));
    await chat.send('Hi');
    await until(chat, ({ run }) => run?.status === 'waiting');
    await chat.stop();
    const { status, run, messages } = chat.getSnapshot();
    assert.deepEqual([status, run, messages.length], ['ready', undefined, 1]);
  });

  test('a chat that was left goes on with the answer, each piece once', async (t) => {
    const [more, sent, end] = [createGate(), createGate(), createGate()];
    await using served = await serveApp(async (ctx: ThreadContext) => {
      await ctx.sendMessage(
        (async function* () {
          for (let i = 0; i < 100; i++) yield `a${i} `;
          await more.passed(ctx.signal);
          for (let i = 0; i < 100; i++) yield `b${i} `;
          sent.open();
          await end.passed(ctx.signal);
        })(),
      );
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const chat = open(t, jims);
    await chat.send('Hi');
    await until(chat, ({ messages }) => messages[1]?.text.endsWith('a99 ') === true);
    // Until it is left; what it misses then is more than the service sends piece by piece.
    await sleep(1300);
    more.open();
    await sent.passed(AbortSignal.timeout(60_000));
    const whole = await until(chat, ({ messages }) => messages[1]?.text.endsWith('b99 ') === true);
    assert.equal(whole.messages[1]?.text.split(' ').length, 201);
    end.open();
    await until(chat, isSettled);
  });

  test('retry of a message that was not sent leaves the mark of an earlier one', async (t) => {
    let isBroken = true;
    await using served = await serveApp((ctx: ThreadContext) => {
      if (isBroken) throw new Error('kaboom');
      ctx.sendMessage('ok');
    });
    let isDown = false;
    const jims = new JimsClient({
      url: served.origin,
      contactId: 'ann',
      fetch: async (url, init) =>
        isDown && url.endsWith('/chat/stream')
          ? Response.json({ detail: 'no' }, { status: 403 })
          : fetch(url, init),
    });
    const chat = open(t, jims);
    await chat.send('one');
    await until(chat, ({ messages }) => messages[0]?.isUnanswered === true);
    isDown = true;
    await assert.rejects(chat.send('two'));
    isDown = false;
    isBroken = false;
    await chat.retry();
    const { messages } = await until(chat, (s) => isSettled(s) && s.messages.length === 3);
    assert.deepEqual(
      messages.map((m) => m.isUnanswered),
      [true, false, false],
    );
  });

  test('a message that is replaced waits for one that is on its way', async (t) => {
    const gate = createGate();
    await using served = await serveApp((ctx: ThreadContext) =>
      ctx.sendMessage(`re ${ctx.lastUserMessage}`),
    );
    let isSlow = false;
    const jims = new JimsClient({
      url: served.origin,
      contactId: 'ann',
      async fetch(url, init) {
        if (isSlow && url.endsWith('/chat/stream')) await gate.passed(AbortSignal.timeout(60_000));
        return fetch(url, init);
      },
    });
    const chat = open(t, jims);
    await chat.send('one');
    const { messages, threadId } = await until(chat, has(2));
    isSlow = true;
    const slow = chat.send('slow');
    const edited = chat.edit(messages[0]?.id ?? '', 'changed');
    // For a copy that would be made at once.
    await sleep(200);
    gate.open();
    await Promise.all([slow, edited]);
    const end = await until(chat, has(2));
    assert.notEqual(end.threadId, threadId);
    assert.deepEqual(textsOf(end), ['user: changed', 'assistant: re changed']);
  });

  test('a thread that is gone is an error; nobody is asked for ever', async (t) => {
    await using served = await serveApp(counting);
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const chat = open(t, jims, { threadId: crypto.randomUUID() });
    const { error, status } = await until(chat, (snapshot) => snapshot.error !== undefined);
    assert.equal(error?.code, 'not_found');
    assert.equal(status, 'ready');
  });
});
