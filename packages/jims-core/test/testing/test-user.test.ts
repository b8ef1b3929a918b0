import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { defineApp } from 'jims-core';
import type { JimsApp, JimsAppOptions, Pipeline } from 'jims-core';
import { scriptedModel, testUser, toolCall } from 'jims-core/testing';
import * as v from 'valibot';

import { eventually } from '../support/eventually.ts';

const Order = v.object({ id: v.string() });
/** A test that opens the app's own store fails. */
const NOT_THERE = 'postgresql://nobody@127.0.0.1:1/none';

function appOf(pipeline: Pipeline, more: Partial<JimsAppOptions> = {}): JimsApp {
  return defineApp({ store: NOT_THERE, files: '/dev/null/files', pipeline, ...more });
}

/** Looks an order up, asks, and refunds: the steps are in `work`. */
function refundApp(work: string[], more: Partial<JimsAppOptions> = {}): JimsApp {
  const pipeline: Pipeline = async (ctx) => {
    const order = await ctx.step('find', () => {
      work.push('find');
      return { id: ctx.lastUserMessage ?? '' };
    });
    const buttons = [
      { id: 'yes', text: 'Yes, please' },
      { id: 'no', text: 'No' },
    ];
    const reply = await ctx.ask(`Refund ${order.id}?`, { buttons });
    if (reply.kind !== 'message') return ctx.sendMessage(`It is ${reply.kind}.`);
    await ctx.step('refund', ({ idempotencyKey }) => void work.push(idempotencyKey));
    ctx.setState('order', order);
    ctx.sendEvent('shop.refunded', { by: reply.buttonId });
    ctx.sendMessage('It is on its way.');
  };
  return appOf(pipeline, { durable: true, ...more });
}

describe('a user in a test', () => {
  test('gets all that an app makes of a message, with a scripted model', async () => {
    const app = appOf(async (ctx) => {
      ctx.updateAgentStatus('Looking it up');
      const options = { title: 'Looking', input: { id: 'a17' } };
      const order = await ctx.step('find', () => ({ id: 'A17' }), options);
      ctx.setState('order', order);
      ctx.sendEvent('shop.asked', order);
      const tools = {
        lookup: {
          description: 'Finds',
          schema: Order,
          execute: ({ id }: { id: string }) => `${id}: sent`,
        },
      };
      await ctx.sendMessage(ctx.llm.run(ctx.context(), { tools }));
      ctx.sendMessageWithButtons('Anything else?', [{ id: 'no', text: 'No' }, { text: 'Maybe' }]);
    });
    const model = scriptedModel([
      toolCall('lookup', { id: 'A17' }),
      { reasoning: 'It is sent.', text: 'It is on its way.' },
    ]);
    const user = testUser(app, { model });
    const answer = await user.say('Where is A17?');

    assert.equal(answer.text, 'It is on its way.\nAnything else?');
    assert.deepEqual(answer.messages, ['It is on its way.', 'Anything else?']);
    assert.deepEqual(answer.buttons, ['no', 'Maybe']);
    assert.deepEqual(answer.statuses, ['Looking it up']);
    assert.deepEqual(answer.steps, [
      {
        id: 'find/1',
        name: 'find',
        title: 'Looking',
        status: 'completed',
        input: { id: 'a17' },
        output: { id: 'A17' },
      },
    ]);
    assert.deepEqual(
      answer.tools.map(({ name, status, output }) => [name, status, output]),
      [['lookup', 'completed', 'A17: sent']],
    );
    assert.deepEqual(answer.events, [{ type: 'shop.asked', data: { id: 'A17' } }]);
    assert.equal(answer.state('order', Order)?.id, 'A17');
    assert.deepEqual(answer.state('order'), { id: 'A17' });
    assert.equal(answer.state('cart', Order), undefined);
    assert.throws(() => answer.state('order', v.object({ size: v.string() })), {
      code: 'invalid_state',
    });
    assert.deepEqual(answer.deltas, ['It ', 'is ', 'on ', 'its ', 'way.']);
    assert.equal(answer.reasoning, 'It is sent.');
    assert.equal(answer.question, undefined);
    assert.equal(answer.usage[0]?.requests, 2);
    assert.equal(answer.end.type, 'result');
    assert.deepEqual(
      model.prompts.map((prompt) => prompt.map(({ role, text }) => [role, text])),
      [
        [['user', 'Where is A17?']],
        [
          ['user', 'Where is A17?'],
          ['assistant', ''],
          ['tool', 'A17: sent'],
        ],
      ],
    );
    model.done();
  });

  test('never opens what is the app’s own, also where the pipeline uses the app by its name', async () => {
    const app = appOf(
      async (ctx) => {
        const threads = async (): Promise<number> =>
          (await app.threads.list({ contactId: 'anna', limit: 9 })).threads.length;
        const counts = [await threads(), await ctx.step('count', threads)];
        ctx.llm.setModel('anthropic/claude-sonnet-5');
        const tools = { count: { description: 'Counts', execute: threads } };
        await ctx.sendMessage(ctx.llm.run(ctx.context(), { model: 'gpt-5', tools }));
        const [best] = await app.llm.rerank('red tents', ['a blue bicycle', 'a red tent']);
        const [red = [], tent = [], car = []] = await ctx.llm.createEmbeddings([
          'red tents',
          'a red tent',
          'a car',
        ]);
        const near = (other: number[]): number =>
          red.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);
        ctx.sendMessage(`${counts.join()} ${best?.text} ${near(tent) > near(car)}`);
      },
      { llm: { model: 'gpt-4.1', embeddingsModel: 'text-embedding-3-large' } },
    );
    const model = scriptedModel([toolCall('count'), 'One thread.']);
    const answer = await testUser(app, { model, contactId: 'anna' }).say('How many?');
    assert.equal(answer.text, 'One thread.\n1,1 a red tent true');
    assert.equal(answer.tools[0]?.output, 1);
    const user = testUser(app, { model: scriptedModel(['One.']) });
    await user.say('Hi').catch(() => {});
    const latest = await user.inApp(async () => (await app.threads.latest('test'))?.thread.id);
    assert.ok(latest !== undefined && latest === user.threadId);
    await assert.rejects(app.threads.latest('anna'), { code: 'store_unavailable' });
  });

  test('has a thread of their own, with a config, a contact, files and a greeting', async () => {
    const app = appOf(
      async (ctx) => {
        const [file] = ctx.files;
        const said = file ? await file.text() : ctx.lastUserMessage;
        ctx.sendMessage(
          `${said} ${ctx.contactId} ${String(ctx.threadConfig['plan'])} ${ctx.principal?.id}`,
        );
      },
      { conversationStartPipeline: (ctx) => ctx.sendMessage('Welcome') },
    );
    const anna = testUser(app, {
      contactId: 'anna',
      threadConfig: { plan: 'gold' },
      greet: true,
      principal: { kind: 'service', id: 'crm' },
    });
    const other = testUser(app);
    const data = Buffer.from('a leaf');
    const [first, second] = await Promise.all([
      anna.say('Look', { files: [{ name: 'leaf.txt', mediaType: 'text/plain', data }] }),
      other.say('Hi'),
    ]);
    const text = { name: 'leaf.txt', mediaType: 'text/plain', data: Object('a leaf') };
    await assert.rejects(other.say('Look', { files: [text] }), /Buffer\.from\(text\)/);
    assert.deepEqual(first.greeting, ['Welcome']);
    assert.equal(first.text, 'a leaf anna gold crm');
    assert.deepEqual(second.greeting, []);
    assert.equal(second.text, 'Hi test undefined undefined');
    assert.equal((await anna.say('Again')).greeting.length, 0);
    assert.deepEqual(
      (await other.events()).map(({ data: { content } }) => content),
      [undefined, 'Hi', second.text],
    );
    const { threads } = await (await anna.app()).threads.list({ limit: 9 });
    assert.deepEqual(
      threads.map(({ id }) => id),
      [anna.threadId],
    );
  });

  test('opens a chat: the app greets, may ask, and its buttons are clicked', async () => {
    const app = appOf(() => {}, {
      durable: true,
      async conversationStartPipeline(ctx) {
        const buttons = [{ id: 'funghi', text: 'With mushrooms' }];
        const reply = await ctx.ask('Welcome! Which pizza?', { buttons });
        if (reply.kind === 'message') ctx.sendMessage(`One ${reply.buttonId}`);
      },
    });
    await assert.rejects(testUser(app, { greet: true }).click('funghi'), /call `user\.open\(\)`/);
    await assert.rejects(testUser(app, { greet: true }).say('Hi'), {
      code: 'cannot_ask',
      message: /open the thread with `greet`/,
    });
    for (const everyRunTwice of [false, true]) {
      const user = testUser(app, { contactId: 'anna', everyRunTwice });
      const greeting = await user.open();
      assert.equal(greeting.text, 'Welcome! Which pizza?');
      assert.deepEqual(greeting.buttons, ['funghi']);
      assert.equal(greeting.question?.text, 'Welcome! Which pizza?');
      assert.equal((await user.click('funghi')).text, 'One funghi');
      const { threads } = await (await user.app()).threads.list({ contactId: 'anna', limit: 9 });
      assert.deepEqual(
        threads.map(({ id }) => id),
        [user.threadId],
      );
    }
    const broken = new TypeError('broken');
    const failing = appOf(() => {}, {
      conversationStartPipeline() {
        throw broken;
      },
    });
    await assert.rejects(testUser(failing).open(), (error) => error === broken);
  });

  test('gets what a pipeline throws as it is, unless that was expected', async () => {
    const broken = new TypeError('broken');
    const app = appOf((ctx) => {
      ctx.sendMessage('Begun');
      if (ctx.lastUserMessage === 'fail') throw broken;
    });
    const user = testUser(app);
    await assert.rejects(user.say('fail'), (error) => error === broken);
    const failed = await user.say('fail', { expectError: true });
    assert.equal(failed.error, broken);
    assert.deepEqual(failed.messages, ['Begun']);
    await assert.rejects(
      user.say('go on', { expectError: true }),
      /expected to fail, and it said: Begun/,
    );
    assert.equal((await user.say('go on')).text, 'Begun');
  });

  test('is of an app', () => {
    const pipeline: unknown = () => {};
    assert.throws(() => testUser(Object(pipeline)), /takes an app: what defineApp gives/);
  });

  test('can cancel, and send other events', async () => {
    const app = appOf(async (ctx) => {
      ctx.sendMessage(ctx.lastUserAction?.name ?? 'nothing');
      if (ctx.lastUserMessage !== 'wait') return;
      ctx.updateAgentStatus('Waiting');
      await new Promise((_, reject) => ctx.signal.addEventListener('abort', reject));
    });
    const user = testUser(app);
    const vote = await user.send({ type: 'comm.vote', data: { role: 'user', content: 'up' } });
    assert.equal(vote.text, 'vote');
    const stopped = await user.say('wait', { signal: AbortSignal.timeout(20) });
    assert.equal(stopped.end.type, 'cancelled');
    assert.deepEqual(stopped.statuses, ['Waiting']);
  });

  test('clicks on buttons that are there, by id or text', async () => {
    const user = testUser(refundApp([]));
    const first = await user.say('7');
    assert.equal(first.question?.text, 'Refund 7?');
    await assert.rejects(user.click('maybe'), /no button 'maybe'. The last buttons: yes, no/);
    const done = await user.click('Yes, please');
    assert.deepEqual(done.events, [{ type: 'shop.refunded', data: { by: 'yes' } }]);
    await assert.rejects(testUser(refundApp([])).click('yes'), /The last buttons: none/);

    const asking = defineApp(async (ctx) => {
      const buttons = [
        { id: 'a', text: 'b' },
        { id: 'b', text: 'a' },
        { id: 3, text: 'c' },
      ];
      const reply = await ctx.ask('Which?', { buttons, buttonsOnly: true });
      if (reply.kind === 'message') ctx.sendMessage(`${reply.buttonId}`);
    });
    for (const [button, id] of [
      ['b', 'b'],
      ['c', '3'],
    ] as const) {
      const other = testUser(asking);
      // oxlint-disable-next-line no-await-in-loop -- each user in turn
      await other.say('hi');
      // oxlint-disable-next-line no-await-in-loop -- each user in turn
      assert.equal((await other.click(button)).text, id);
    }
  });

  test('waits for a question to a service and answers it, or lets it expire', async () => {
    const go = Promise.withResolvers<void>();
    const app = appOf(async (ctx) => {
      await go.promise;
      const reply = await ctx.ask({ to: 'service', name: 'approve', schema: Order });
      ctx.sendMessage(reply.kind === 'value' ? `${reply.value.id} ${reply.by?.id}` : reply.kind);
    });
    const user = testUser(app);
    const asking = user.say('Refund');
    const answering = user.waitAndAnswer(
      'approve',
      { id: '7' },
      { by: { kind: 'service', id: 'ann' } },
    );
    go.resolve();
    assert.equal((await asking).question?.name, 'approve');
    assert.equal((await answering).text, '7 ann');
    await user.say('Refund');
    await assert.rejects(user.expire('other'), /'other' is not open. Open questions: approve/);
    // As over HTTP: nothing runs, and the question stays open.
    await assert.rejects(user.waitAndAnswer('approve', { id: 7 }, { expectError: true }), {
      code: 'answer_invalid',
      message: /'approve' does not fit: id: /,
    });
    assert.equal((await user.expire('approve')).text, 'expired');

    const late = testUser(refundApp([]));
    await late.say('7');
    assert.equal((await late.expire()).text, 'It is expired.');
    await assert.rejects(late.expire(), /to the contact is not open. Open questions: none/);
  });
});

describe('a process in a test', () => {
  test('dies in a step: its work is done again, with the same key; after it: it is not', async () => {
    const work: string[] = [];
    const user = testUser(refundApp(work));
    await user.crashAndRecover(() => user.say('7'), { after: 'find' });
    assert.deepEqual(work, ['find']);
    const answer = await user.crashAndRecover(() => user.click('yes'), { in: 'refund' });
    const [, first, second, ...more] = work;
    assert.equal(answer.text, 'It is on its way.');
    assert.equal(answer.attempt, 2);
    assert.equal(first, second);
    assert.deepEqual(more, []);
  });

  test('dies at the end of a run, and between two: nothing is done again', async () => {
    const work: string[] = [];
    const user = testUser(refundApp(work));
    await user.crashAndRecover(() => user.say('7'));
    await user.crashAndRecover();
    const answer = await user.crashAndRecover(() => user.click('yes'));
    assert.deepEqual(answer.state('order'), { id: '7' });
    assert.equal(work.length, 2);
  });

  test('does not die where its app cannot go on, or where its run does not come', async () => {
    const lost = testUser(refundApp([], { durable: false }));
    await assert.rejects(
      lost.crashAndRecover(() => lost.say('7')),
      /Define it with `durable: true`/,
    );
    await lost.say('7');
    await lost.crashAndRecover();
    assert.equal((await lost.click('yes')).text, 'It is on its way.');

    const user = testUser(refundApp([]));
    const dies = user.crashAndRecover(() => user.say('7'), { after: 'fnd' });
    await assert.rejects(
      dies,
      /die at the step 'fnd', and its run ended without it. Its steps were: find/,
    );
    assert.equal((await user.click('yes')).attempt, 1);
    const first = user.crashAndRecover(() => user.say('8'));
    await assert.rejects(
      user.crashAndRecover(() => user.say('9')),
      /one turn at a time/,
    );
    assert.equal((await first).attempt, 2);
    const asking = user.click('yes');
    await assert.rejects(user.crashAndRecover(), /one turn at a time/);
    assert.equal((await asking).attempt, 1);
    const missing = user.crashAndRecover(() => user.click('no such button'), { in: 'find' });
    await assert.rejects(missing, /no button/);
    assert.equal((await user.say('7')).attempt, 1);
  });

  test('a turn is cancelled by its signal also in the process that goes on', async () => {
    let executions = 0;
    const user = testUser(
      defineApp({
        durable: true,
        async pipeline(ctx) {
          if (++executions === 2) await once(ctx.signal, 'abort');
        },
      }),
      { everyRunTwice: true },
    );
    const cancel = new AbortController();
    const turn = user.say('hi', { signal: cancel.signal });
    await eventually(() => executions === 2);
    cancel.abort();
    await assert.rejects(turn, /cancelled/);
  });

  test('that executes every run twice finds what is different each time', async () => {
    const work: string[] = [];
    const steady = testUser(refundApp(work), { everyRunTwice: true });
    await steady.say('7');
    assert.equal((await steady.click('yes')).text, 'It is on its way.');
    assert.equal(work.length, 2);

    let calls = 0;
    const options = { everyRunTwice: true } as const;
    const counting = testUser(
      appOf((ctx) => ctx.sendMessage(`call ${++calls}`)),
      options,
    );
    await assert.rejects(
      counting.say('Hi'),
      /Event 1 was comm.assistant_message .*call 1.*and comm.assistant_message .*call 2.*belongs into a step/,
    );
    const sometimes = testUser(
      appOf(async (ctx) => {
        if (++calls % 2 === 1) ctx.sendMessage('sometimes');
        await ctx.step('always', () => 1);
      }),
      options,
    );
    await assert.rejects(sometimes.say('Hi'), /its step 'always' comes at another place/);
    let executions = 0;
    const failing = testUser(
      appOf(async (ctx) => {
        if (++executions === 2) throw new Error('the file is gone');
        await ctx.step('always', () => 1);
      }),
      options,
    );
    const earlier = { message: /ran before: it fails\./, cause: new Error('the file is gone') };
    await assert.rejects(failing.say('Hi'), earlier);
    const named = testUser(
      appOf((ctx) => ctx.step(`step ${++calls}`, () => 1)),
      options,
    );
    const advice = /its step 'step 6' before its step 'step 5'.*ctx\.now.*ctx\.random.*ctx\.step$/;
    await assert.rejects(named.say('Hi'), advice);
    const crashed = named.crashAndRecover(() => named.say('Hi'), { after: 'step 7' });
    await assert.rejects(crashed, /'step 8' before its step 'step 7'.*ctx\.random.*ctx\.step$/);
    const asking = testUser(
      appOf(async (ctx) => void (await ctx.ask({ to: 'service', name: `n${++calls}` }))),
      options,
    );
    await assert.rejects(asking.say('Hi'), /The question was .*n9.*and .*n10/);
  });

  test('has the same usage of models in each execution, also after a question', async () => {
    const model = scriptedModel(['Hello', 'Bye']);
    const app = appOf(async (ctx) => {
      await ctx.llm.chatCompletionPlain(ctx.history);
      ctx.sendEvent('shop.used', { requests: ctx.llm.usage[0]?.requests ?? 0 });
      await ctx.ask('More?');
      await ctx.llm.chatCompletionPlain(ctx.history);
      ctx.sendEvent('shop.used', { requests: ctx.llm.usage[0]?.requests ?? 0 });
    });
    const user = testUser(app, { model, everyRunTwice: true });
    const used = [await user.say('Hi'), await user.say('Yes')].flatMap(({ events }) =>
      events.filter(({ type }) => type === 'shop.used').map(({ data }) => data['requests']),
    );
    assert.deepEqual(used, [1, 2]);
  });

  test('reads nothing from the environment, and keeps nothing alive when its test is over', async () => {
    const program = `
      import { defineApp } from 'jims-core';
      import { scriptedModel, testUser } from 'jims-core/testing';
      const app = defineApp({ durable: true, pipeline: async (ctx) => {
        await ctx.step('one', () => 1);
        ctx.sendMessage((await ctx.llm.chatCompletionPlain(ctx.context())).content);
      } });
      const user = testUser(app, { model: scriptedModel(['done', 'done', 'done']) });
      for (const point of [{}, { in: 'one' }, { after: 'one' }])
        console.log((await user.crashAndRecover(() => user.say('Hi'), point)).text);
      await user.crashAndRecover();`;
    // None of these is read.
    const env = {
      ...process.env,
      JIMS_DB_CONN_URI: NOT_THERE,
      JIMS_FILES: '/dev/null/files',
      JIMS_SCHEMA: 'shop',
      MODEL: 'nobody/none',
    };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@jims/source', '--input-type=module', '-e', program],
      { cwd: fileURLToPath(new URL('.', import.meta.url)), timeout: 60_000, env },
    );
    assert.equal(stdout, 'done\ndone\ndone\n');
  });
});
