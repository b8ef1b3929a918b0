// Questions: a pipeline asks, and goes on with the answer in another run, in whatever process there is.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import * as v from 'valibot';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { RunEnd, RunResult } from '../../src/run/run-events.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { QuestionRecord } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../src/thread/event.ts';
import { MORTAL, crashingStore, living } from '../support/crashing-store.ts';
import { eventually } from '../support/eventually.ts';
import { eventsOf } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const Approval = v.object({ approved: v.boolean() });
const BUTTONS = [
  { id: 'yes', text: 'Yes, please' },
  { id: 'no', text: 'No' },
];

describeStores((kind) => {
  for (const durable of [true, false]) {
    const of = durable ? 'a durable app' : 'an app that is not durable';

    test(`a conversation goes on with each answer, in another process of ${of}`, async () => {
      await using database = await kind.fresh();
      await using store = await openStore(database.url);
      const done: string[] = [];
      const seen: unknown[] = [];
      const pipeline: Pipeline = async (ctx) => {
        seen.push(ctx.history.map(({ content }) => content));
        const size = await ctx.step('size', () => {
          done.push('size');
          return 'large';
        });
        // Its name is cut within a character.
        const first = await ctx.ask('Which pizza?', { name: 'pizza \ud83c' });
        assert.ok(first.kind === 'message');
        seen.push(ctx.history.map(({ content }) => content));
        await ctx.step('order', () => void done.push(`order ${first.text} ${size}`));
        const second = await ctx.ask('Sure?', { buttons: BUTTONS });
        assert.ok(second.kind === 'message');
        ctx.sendMessage(second.buttonId === 'yes' ? `A ${size} ${first.text}` : 'Nothing');
      };
      const contactId = randomUUID();
      const say = async (message: string | NewEvent): Promise<RunResult> => {
        await using app = defineApp({ durable, store: living(store), pipeline });
        return resultOf(await start(app, contactId, message));
      };
      const first = await say('hello');
      assert.deepEqual(contents(first.events), ['Which pizza?']);
      assert.equal(first.question?.state, 'open');
      assert.equal(first.question?.text, 'Which pizza?');
      assert.equal(first.question?.name, 'pizza \ufffd');

      const again = await say('Margherita');
      assert.deepEqual(contents(again.events), ['Sure?']);
      const click = newEvent('comm.user_button_click', { role: 'user', content: 'yes' });
      const end = await say(click);
      assert.deepEqual(contents(end.events), ['A large Margherita']);
      assert.equal(end.question, undefined);
      assert.deepEqual(done, ['size', 'order Margherita large']);
      const views = [['hello'], ['hello', 'Which pizza?', 'Margherita']];
      assert.deepEqual(seen, [views[0], ...views, ...views]);

      const { thread } = await store.latestThread(contactId).then((found) => ({ thread: found }));
      const log = await eventsOf(store, thread?.id ?? '');
      const said = log.filter(({ type }) => type.startsWith('comm.'));
      assert.deepEqual(contents(said), [
        'hello',
        'Which pizza?',
        'Margherita',
        'Sure?',
        'yes',
        'A large Margherita',
      ]);
    });
  }

  test('a service answers by id, and the pipeline keeps rights and config of when it began', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const began: unknown[] = [];
    const answeredBy: unknown[] = [];
    await using app = defineApp({
      durable: true,
      store: living(store),
      async pipeline(ctx) {
        began.push({ principal: ctx.principal, config: ctx.threadConfig });
        const approval = await ctx.ask({
          to: 'service',
          name: 'approve',
          data: { eur: 900 },
          schema: Approval,
        });
        assert.ok(approval.kind === 'value');
        answeredBy.push(approval.by);
        ctx.sendMessage(approval.value.approved ? 'Refunded' : 'Refused');
        if (!approval.value.approved)
          throw new Error('what was sent since the question is not kept');
      },
    });
    const contactId = randomUUID();
    const principal = { kind: 'contact', id: 'c', contactId } as const;
    const { id, thread } = await app.runs.start({ contactId, message: 'refund', principal });
    await eventually(async () => (await app.runs.record(id))?.status === 'completed');
    await app.threads.updateConfig(thread.id, { plan: 'gold' });
    // Meanwhile the contact talks on, in a chain of its own.
    const other = await app.runs.start({ contactId, message: 'hello?', principal });
    await other.end;
    const { questions } = await app.questions.list({
      audience: 'service',
      state: 'open',
      limit: 10,
    });
    const question = questions.find(({ runId }) => runId === id);
    assert.ok(question);
    assert.deepEqual(question.data, { eur: 900 });
    assert.deepEqual(question.schema?.['required'], ['approved']);

    const by = { kind: 'service', id: 'operator' } as const;
    const answer = { questionId: question.questionId, value: { approved: true }, by };
    const run = await app.questions.answer(answer);
    assert.deepEqual(contents(resultOf(await run.end).events), ['Refunded']);
    assert.deepEqual(answeredBy, [by]);
    const [first, second] = [
      { principal, config: {} },
      { principal, config: { plan: 'gold' } },
    ];
    assert.deepEqual(began, [first, second, first]);
    const refused = questions.find(({ runId }) => runId === other.id);
    const failed = await app.questions.answer({
      questionId: refused?.questionId ?? '',
      value: { approved: false },
    });
    assert.equal((await failed.end).type, 'error');
    const said = (await eventsOf(store, thread.id)).filter(({ type }) => type.startsWith('comm.'));
    assert.deepEqual(contents(said), ['refund', 'hello?', 'Refunded']);
    await assert.rejects(app.questions.answer(answer), { code: 'question_closed' });
    await assert.rejects(app.questions.answer({ ...answer, questionId: randomUUID() }), {
      code: 'question_not_found',
    });
  });

  test('an answer that is JSON holds what a request may hold, and nothing else', async () => {
    await using database = await kind.fresh();
    const values: unknown[] = [];
    await using app = defineApp({
      store: database.url,
      async pipeline(ctx) {
        const schema = v.object({ a: v.unknown() });
        const answer = await ctx.ask('Which?', { schema });
        if (answer.kind === 'message') values.push(answer.value);
      },
    });
    const contactId = randomUUID();
    const deep = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    for (const text of ['{"a":"\\ud83d","b\\u0000":1}', deep(63), deep(64)]) {
      resultOf(await start(app, contactId, 'ask'));
      resultOf(await start(app, contactId, text));
    }
    assert.deepEqual(values, [{ a: '\ufffd' }, JSON.parse(deep(63)), undefined]);
  });

  test('a step that is under way when the pipeline asks is stored, and not done again', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    let booked = 0;
    await using app = defineApp({
      store: living(store),
      async pipeline(ctx) {
        const [answer] = await Promise.all([
          ctx.ask('When?'),
          ctx.step('book', async () => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            booked++;
          }),
        ]);
        ctx.sendMessage(answer.kind === 'message' ? answer.text : answer.kind);
      },
    });
    const contactId = randomUUID();
    await start(app, contactId, 'book');
    const end = resultOf(await start(app, contactId, 'tomorrow'));
    assert.deepEqual(contents(end.events), ['tomorrow']);
    assert.equal(booked, 1);
  });

  test('a message that waited when the question came does not answer it', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const release = Promise.withResolvers<void>();
    const started: string[] = [];
    await using app = defineApp({
      store: living(store),
      async pipeline(ctx) {
        started.push(String(ctx.lastUserMessage));
        if (ctx.lastUserMessage === 'yes') return ctx.sendMessage('What?');
        await release.promise;
        const answer = await ctx.ask('Refund it?');
        ctx.sendMessage(answer.kind === 'message' ? `You said ${answer.text}` : answer.kind);
      },
    });
    const contactId = randomUUID();
    const first = await app.runs.start({ contactId, message: 'refund' });
    const early = await app.runs.start({ contactId, message: 'yes' });
    release.resolve();
    assert.equal(resultOf(await first.end).question?.state, 'open');
    assert.deepEqual(contents(resultOf(await early.end).events), ['What?']);
    const answer = resultOf(await start(app, contactId, 'no'));
    assert.deepEqual(contents(answer.events), ['You said no']);
  });

  test('a message that waited answers a question that takes early ones', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const release = Promise.withResolvers<void>();
    const done: string[] = [];
    await using app = defineApp({
      store: living(store),
      async pipeline(ctx) {
        await release.promise;
        await ctx.step('look up', () => void done.push('look up'));
        const answer = await ctx.ask('Which pizza?', { early: true });
        ctx.sendMessage(answer.kind === 'message' ? `You said ${answer.text}` : answer.kind);
      },
    });
    const contactId = randomUUID();
    const first = await app.runs.start({ contactId, message: 'hello' });
    const early = await app.runs.start({ contactId, message: 'Margherita' });
    release.resolve();
    assert.equal(resultOf(await first.end).question?.answeredBy, early.id);
    assert.deepEqual(contents(resultOf(await early.end).events), ['You said Margherita']);
    assert.deepEqual(done, ['look up']);
    assert.equal((await store.run(early.id))?.chainId, first.id);
  });

  test('what a pipeline does beside its question sees what it has sent, and is done with the answer', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const seen: unknown[] = [];
    await using app = defineApp({
      store: living(store),
      async pipeline(ctx) {
        const order = async (): Promise<void> => {
          ctx.setState('order', { size: 'large' });
          seen.push(ctx.getState('order', v.object({ size: v.string() }))?.size);
        };
        await Promise.all([ctx.ask('Which pizza?'), order()]);
      },
    });
    const contactId = randomUUID();
    const first = resultOf(await start(app, contactId, 'hello'));
    assert.deepEqual(contents(first.events), ['Which pizza?']);
    const end = resultOf(await start(app, contactId, 'Margherita'));
    assert.deepEqual(
      end.events.map(({ data }) => data),
      [{ size: 'large' }],
    );
    assert.deepEqual(seen, ['large', 'large']);
  });

  test('an answer is accepted once, and is continued after a crash', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const done: string[] = [];
    const pipeline: Pipeline = async (ctx) => {
      const answer = await ctx.ask('Sure?');
      await ctx.step('refund', () => void done.push('refund'));
      ctx.sendMessage(answer.kind === 'message' ? `Done: ${answer.text}` : answer.kind);
    };
    const contactId = randomUUID();
    {
      await using app = defineApp({ store: living(store), pipeline });
      await start(app, contactId, 'refund');
    }
    const crashing = crashingStore(store);
    crashing.crashAt('storeEntries', 'after');
    const second = defineApp({ store: crashing.store, pipeline });
    await second.open(MORTAL);
    const { id } = await second.runs.start({ contactId, message: 'yes' });
    await eventually(() => crashing.isDead);

    await using third = defineApp({ store: living(store), pipeline });
    await third.open();
    await eventually(async () => (await store.run(id))?.status === 'completed');
    assert.deepEqual(contents((await store.run(id))?.events ?? []), ['Done: yes']);
    assert.deepEqual(done, ['refund']);
  });

  test('a question that nobody answers expires, and its pipeline goes on', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    await using app = defineApp({
      store: living(store),
      async pipeline(ctx) {
        const answer = await ctx.ask('Sure?', { expiresInMs: 1 });
        ctx.sendMessage(answer.kind);
      },
    });
    const contactId = randomUUID();
    const { question: open } = resultOf(await start(app, contactId, 'refund'));
    const questionId = open?.questionId ?? '';
    let question: QuestionRecord | undefined;
    await eventually(async () => {
      question = await store.question(questionId);
      return question?.answeredBy !== undefined;
    });
    assert.equal(question?.state, 'expired');
    const runId = question?.answeredBy ?? '';
    await eventually(async () => (await store.run(runId))?.status === 'completed');
    assert.deepEqual(contents((await store.run(runId))?.events ?? []), ['expired']);
  });

  test('where nobody can answer, the pipeline learns it at once', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    await using app = defineApp({
      store: living(store),
      async pipeline(ctx) {
        const answer = await ctx.ask('Sure?');
        ctx.sendMessage(answer.kind);
      },
    });
    const request = { contactId: randomUUID(), message: 'refund', canAnswer: false };
    const run = await app.runs.start(request);
    assert.deepEqual(contents(resultOf(await run.end).events), ['Sure?', 'unavailable']);
  });
});

async function start(app: JimsApp, contactId: string, message: string | NewEvent): Promise<RunEnd> {
  const incoming =
    typeof message === 'string'
      ? newEvent('comm.user_message', { role: 'user', content: message })
      : message;
  const run = await app.runs.start({
    thread: { kind: 'latest', contactId, threadConfig: {} },
    incoming,
  });
  return run.end;
}

function resultOf(end: RunEnd): RunResult {
  if (end.type === 'error') throw end.error;
  assert.ok(end.type === 'result');
  return end.result;
}

function contents(events: readonly (NewEvent | ThreadEvent)[]): readonly unknown[] {
  return events.map(({ data }) => data['content']);
}
