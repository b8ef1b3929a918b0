import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { openStore } from 'jims-core';
import type { ThreadContext } from 'jims-core';
import { BadRequestError, NotFoundError } from 'openai';
import type OpenAI from 'openai';
import * as v from 'valibot';

import { freshSqlite } from '../../../../../jims-core/test/support/sqlite.ts';
import { agentPipeline } from '../../../support/agent-pipeline.ts';
import { testApiOn } from '../../../support/api.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';

const ROUNDS = 20;

/** Says what the thread holds, and counts its own runs in it. */
function historian(ctx: ThreadContext): void {
  if (ctx.lastUserMessage === 'fail') throw new Error('kaboom');
  const n = (ctx.getState('n', v.object({ n: v.number() }))?.n ?? 0) + 1;
  ctx.setState('n', { n });
  if (ctx.lastUserMessage === 'silent') return;
  ctx.sendMessage(`${n}: ${ctx.history.map(({ content }) => content).join('|')}`);
}

describe('previous_response_id', () => {
  test('goes on in the thread, with what is new alone', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await client.responses.create({ input: 'a', user: 'anna' });
    const second = await client.responses.create({
      input: 'b',
      previous_response_id: first.id,
      user: 'anna',
    });
    assert.equal(second.output_text, '2: a|1: a|b');
    assert.equal(second.previous_response_id, first.id);
    assert.deepEqual(second.metadata, first.metadata);
    const third = await client.responses.create({
      input: [
        { role: 'user', content: 'c' },
        { role: 'user', content: 'd' },
      ],
      previous_response_id: second.id,
    });
    assert.match(third.output_text, /^3: .*\|c\n\nd$/);
  });

  test('of an older response goes on in a fork, with the state of then', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await client.responses.create({ input: 'a', instructions: 'Be brief' });
    const next = { previous_response_id: first.id };
    const second = await client.responses.create({ input: 'b', ...next });
    const other = await client.responses.create({ input: 'B', ...next });
    assert.equal(other.output_text, '2: a|1: a|B');
    assert.notDeepEqual(other.metadata, second.metadata);
    const onward = await client.responses.create({ input: 'C', previous_response_id: other.id });
    assert.match(onward.output_text, /^3: a\|1: a\|B\|.*\|C$/);
    assert.deepEqual(onward.metadata, other.metadata);
    const original = await client.responses.create({ input: 'c', previous_response_id: second.id });
    assert.deepEqual(original.metadata, first.metadata);
  });

  for (const stream of [false, true]) {
    const how = stream ? 'streams' : 'requests';
    test(`of one response in several ${how} at once is a thread for each`, async () => {
      await using served = await serveApp(historian);
      const { client } = openAiClient(served);
      const answerTo = async (
        input: string,
        previous_response_id: string,
      ): Promise<OpenAI.Responses.Response> => {
        const body = { input, previous_response_id };
        return stream
          ? client.responses.stream(body).finalResponse()
          : client.responses.create(body);
      };
      // While connections are being made requests come one after the other.
      for (let round = 0; round < ROUNDS; round++) {
        const first = await client.responses.create({ input: 'a' });
        const inputs = ['b', 'c', 'd'];
        const all = await Promise.all(inputs.map((input) => answerTo(input, first.id)));
        assert.deepEqual(
          all.map(({ output_text }) => output_text),
          inputs.map((input) => `2: a|1: a|${input}`),
        );
        const threads = new Set(all.map(({ metadata }) => metadata?.['thread_id']));
        assert.equal(threads.size, inputs.length);
        assert.ok(threads.has(first.metadata?.['thread_id']));
      }
    });
  }

  test('goes on without a question that failed, and does not store it twice', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await client.responses.create({ input: 'a' });
    const next = { previous_response_id: first.id };
    await assert.rejects(client.responses.create({ input: 'fail', ...next }));
    const again = await client.responses.create({ input: 'b', ...next });
    assert.equal(again.output_text, '2: a|1: a|b');
  });

  test('continues after a response that is empty, or that still runs', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served);
    const silent = await client.responses.create({ input: 'silent' });
    assert.equal(silent.output_text, '');
    const held = await client.responses.create({
      input: 'held',
      previous_response_id: silent.id,
      background: true,
    });
    const next = client.responses.create({ input: 'history', previous_response_id: held.id });
    const text = next.then((response) => response.output_text);
    agent.release();
    assert.equal(await text, 'silent|held|let go|history');
  });

  test('is not the thread when nothing is to be stored', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await client.responses.create({ input: 'a' });
    const next = { previous_response_id: first.id };
    const aside = await client.responses.create({ input: 'b', store: false, ...next });
    assert.equal(aside.output_text, '2: a|1: a|b');
    const second = await client.responses.create({ input: 'c', ...next });
    assert.equal(second.output_text, '2: a|1: a|c');
    assert.deepEqual(second.metadata, first.metadata);
  });
});

describe('conversations', () => {
  test('are threads: responses go on in them, their items are what was said', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const created = await client.conversations.create({
      metadata: { shop: '7' },
      items: [
        { role: 'user', content: 'before' },
        { role: 'assistant', content: 'then' },
      ],
    });
    assert.match(created.id, /^conv_[0-9a-f]{32}$/);
    assert.deepEqual(await client.conversations.retrieve(created.id), created);
    assert.deepEqual(created.metadata, { shop: '7' });
    const conversation = created.id;
    const first = await client.responses.create({ input: 'a', conversation, user: 'anna' });
    const second = await client.responses.create({
      input: 'b',
      conversation: { id: conversation },
    });
    assert.equal(second.output_text, '2: before|then|a|1: before|then|a|b');
    assert.deepEqual(second.conversation, { id: conversation });
    const items = await Array.fromAsync(
      client.conversations.items.list(conversation, { order: 'asc', limit: 2 }),
    );
    assert.deepEqual(
      items.map((item) => item.type === 'message' && [item.role, item.content[0]]),
      [
        ['user', { type: 'input_text', text: 'before' }],
        ['assistant', { type: 'output_text', text: 'then', annotations: [], logprobs: [] }],
        ['user', { type: 'input_text', text: 'a' }],
        ['assistant', first.output[0]?.type === 'message' && first.output[0].content[0]],
        ['user', { type: 'input_text', text: 'b' }],
        ['assistant', second.output[0]?.type === 'message' && second.output[0].content[0]],
      ],
    );
    assert.equal(items[3]?.id, first.output[0]?.id);
    const newest = await client.conversations.items.list(conversation);
    assert.deepEqual(
      newest.data.map(({ id }) => id),
      items.map(({ id }) => id).toReversed(),
    );
  });

  test('are made with their items in one write, between whose parts nothing can fail', async () => {
    using database = freshSqlite();
    await using store = await openStore(database.url);
    const appendEvents = (): Promise<never> => Promise.reject(new Error('The process dies'));
    await using api = testApiOn({ ...store, appendEvents }, historian);
    const items = [{ role: 'user', content: 'before' }];
    const created = await api.post('/v1/conversations', { items });
    const { id } = v.parse(v.object({ id: v.string() }), await created.json());
    const listed = await (await api.get(`/v1/conversations/${id}/items`)).json();
    assert.equal(v.parse(v.object({ data: v.array(v.unknown()) }), listed).data.length, 1);
  });

  test('take as many items at a time as OpenAI, all of them or none', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const { id } = await client.conversations.create();
    const items = (count: number): { role: 'user' | 'assistant'; content: string }[] =>
      Array.from({ length: count }, (_, i) => ({
        role: i % 2 === 0 ? 'user' : 'assistant',
        content: String(i),
      }));
    const added = await client.conversations.items.create(id, { items: items(20) });
    const listed = await client.conversations.items.list(id, { order: 'asc', limit: 100 });
    assert.equal(added.data.length, 20);
    assert.deepEqual(listed.data, added.data);
    const more = await client.conversations.items.create(id, { items: items(2) });
    assert.deepEqual(
      more.data.map((item) => item.type === 'message' && item.role),
      ['user', 'assistant'],
    );
    const tooMany = { items: items(21) };
    await assert.rejects(client.conversations.items.create(id, tooMany), /at most 20 items/);
    await assert.rejects(client.conversations.create(tooMany), /at most 20 items/);
    const now = await client.conversations.items.list(id, { limit: 100 });
    assert.equal(now.data.length, 22);
  });

  test('keep what a service sets beside the metadata while their contact sets that', async () => {
    using database = freshSqlite();
    await using store = await openStore(database.url);
    const mergeThreadConfig: typeof store.mergeThreadConfig = async (id, ...merge) => {
      await store.mergeThreadConfig(id, { client: { theme: 'dark' }, plan: 'gold' });
      return store.mergeThreadConfig(id, ...merge);
    };
    await using api = testApiOn({ ...store, mergeThreadConfig }, historian, {
      authenticate: async () => ({ kind: 'contact', id: 'anna', contactId: 'anna' }),
    });
    const created = await api.post('/v1/conversations', { metadata: { n: '1' } });
    const { id } = v.parse(v.object({ id: v.string() }), await created.json());
    const updated = await api.post(`/v1/conversations/${id}`, { metadata: { n: '2' } });
    assert.equal(updated.status, 200);
    assert.deepEqual((await store.latestThread('anna'))?.config, {
      interface: 'openai',
      client: { theme: 'dark', metadata: { n: '2' } },
      plan: 'gold',
    });
  });

  test('take items, give single ones, change their metadata, and are erased', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const { id } = await client.conversations.create();
    const added = await client.conversations.items.create(id, {
      items: [{ role: 'user', content: 'a' }],
    });
    assert.equal(added.data.length, 1);
    const itemId = added.first_id;
    const item = await client.conversations.items.retrieve(itemId, { conversation_id: id });
    assert.deepEqual(item, added.data[0]);
    const updated = await client.conversations.update(id, { metadata: { n: '2' } });
    assert.deepEqual(updated.metadata, { n: '2' });
    assert.deepEqual((await client.conversations.retrieve(id)).metadata, { n: '2' });
    await assert.rejects(
      client.conversations.items.retrieve('msg_0', { conversation_id: id }),
      NotFoundError,
    );
    const deleted = await client.conversations.delete(id);
    assert.deepEqual(deleted, { id, object: 'conversation.deleted', deleted: true });
    await assert.rejects(client.conversations.retrieve(id), NotFoundError);
  });

  test('answer in order, though sent at the same time', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const { id: conversation } = await client.conversations.create();
    const responses = await Promise.all(
      ['a', 'b', 'c'].map((input) => client.responses.create({ input, conversation })),
    );
    const counts = responses.map(({ output_text }) => output_text.slice(0, 2));
    assert.deepEqual(counts.toSorted(), ['1:', '2:', '3:']);
    const items = await client.conversations.items.list(conversation, { order: 'asc' });
    assert.deepEqual(
      items.data.map((item) => item.type === 'message' && item.role),
      ['user', 'assistant', 'user', 'assistant', 'user', 'assistant'],
    );
  });
});

test('a thread of JIMS goes on by its header', async () => {
  await using served = await serveApp(historian);
  const { client } = openAiClient(served);
  const controller = await served.app.threads.getOrCreate({ contactId: 'anna' });
  await controller.appendAssistantMessage('Welcome');
  const headers = { 'x-jims-thread-id': controller.thread.id };
  const { output_text } = await client.responses.create({ input: 'a', user: 'anna' }, { headers });
  assert.equal(output_text, '1: Welcome|a');
  await assert.rejects(
    client.responses.create({ input: 'a', user: 'bert' }, { headers }),
    NotFoundError,
  );
});

test('a front end’s chat is one thread', async () => {
  await using served = await serveApp(historian);
  const { client } = openAiClient(served, { defaultHeaders: { 'x-openwebui-chat-id': 'c1' } });
  const first = await client.responses.create({ input: 'a' });
  const second = await client.responses.create({
    input: [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'edited' },
      { role: 'user', content: 'b' },
    ],
  });
  assert.equal(second.output_text, '2: a|1: a|b');
  assert.deepEqual(second.metadata, first.metadata);
});

test('the input items of a response are what it answers', async () => {
  await using served = await serveApp(historian);
  const { client } = openAiClient(served);
  const { id } = await client.responses.create({ input: 'a' });
  const { data } = await client.responses.inputItems.list(id);
  assert.deepEqual(
    data.map((item) => 'content' in item && item.content),
    [[{ type: 'input_text', text: 'a' }]],
  );
});

test('a page that does not exist is a BadRequestError', async () => {
  await using served = await serveApp(historian);
  const { client } = openAiClient(served);
  const { id } = await client.conversations.create();
  await assert.rejects(client.conversations.items.list(id, { limit: 0 }), BadRequestError);
});
