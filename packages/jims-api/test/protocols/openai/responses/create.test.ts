import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import type OpenAI from 'openai';

import { fakeModels } from '../../../../../jims-core/test/support/fake-models.ts';
import { agentPipeline } from '../../../support/agent-pipeline.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';
import { talkative } from '../../../support/talkative-pipeline.ts';

describe('responses.create', () => {
  test('answers in the form of OpenAI; fetched later it is the same', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const { data, response } = await client.responses
      .create({
        model: 'gpt-x',
        input: 'hello',
        instructions: 'Be brief',
        metadata: { shop: '7' },
        temperature: 0.1,
        safety_identifier: 'customer:42',
        prompt_cache_key: 'cache',
      })
      .withResponse();
    assert.match(data.id, /^resp_[0-9a-f]{32}$/);
    assert.ok(Math.abs(data.created_at - Date.now() / 1000) < 60);
    assert.equal(data.output_text, 'Echo: hello');
    const threadId = response.headers.get('x-jims-thread-id');
    const { output, id, created_at, completed_at, output_text: _, ...rest } = data;
    assert.deepEqual(rest, {
      object: 'response',
      status: 'completed',
      background: false,
      error: null,
      frequency_penalty: 0,
      incomplete_details: null,
      instructions: 'Be brief',
      max_output_tokens: null,
      max_tool_calls: null,
      metadata: { shop: '7', thread_id: threadId },
      model: 'gpt-x',
      parallel_tool_calls: true,
      presence_penalty: 0,
      previous_response_id: null,
      prompt_cache_key: 'cache',
      reasoning: null,
      safety_identifier: 'customer:42',
      service_tier: 'default',
      store: true,
      conversation: null,
      temperature: 1,
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
      tools: [],
      top_logprobs: 0,
      top_p: 1,
      truncation: 'disabled',
      usage: {
        input_tokens: 0,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 0,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 0,
      },
    });
    assert.deepEqual(await client.responses.retrieve(id), data);
    assert.deepEqual(
      output.map((item) => item.type === 'message' && [item.role, item.status, item.content]),
      [
        [
          'assistant',
          'completed',
          [{ type: 'output_text', text: 'Echo: hello', annotations: [], logprobs: [] }],
        ],
      ],
    );
    assert.ok(completed_at && completed_at >= created_at);
  });

  test('has an item for each message, texts over buttons too, and nothing of the rest', async () => {
    await using served = await serveApp(talkative);
    const response = await openAiClient(served).client.responses.create({ input: 'go' });
    const texts = response.output.map((item) => item.type === 'message' && item.content[0]);
    assert.deepEqual(
      texts.map((part) => part && 'text' in part && part.text),
      ['one two three', 'Which?', 'the end'],
    );
    assert.doesNotMatch(JSON.stringify(response), /secret|rag\.|documents/);
  });

  test('reports the tokens that the models of the run used, now and later', async () => {
    await using models = await fakeModels();
    await using served = await serveApp({
      pipeline: (ctx) => ctx.sendMessage(ctx.llm.stream(ctx.history)),
      llm: models.provider({ model: 'gpt-4.1-mini' }),
    });
    const { client } = openAiClient(served);
    const { id, usage } = await client.responses.create({ input: 'one two' });
    assert.ok(usage && usage.input_tokens > 0 && usage.output_tokens > 0);
    assert.deepEqual((await client.responses.retrieve(id)).usage, usage);
  });

  test('reads the forms of input that clients send', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const inputs: unknown[] = [
      'hello',
      [{ role: 'user', content: 'hello' }],
      [{ role: 'user', content: [{ type: 'input_text', text: 'hello' }] }],
      [{ type: 'message', role: 'user', content: 'hello' }],
      [
        { type: 'reasoning', id: 'rs_1', summary: [] },
        { role: 'user', content: 'hello' },
      ],
    ];
    for (const input of inputs) {
      const body = { model: 'any', input, text: {} };
      const answer = await client.post('/responses', { body });
      assert.match(JSON.stringify(answer), /"text":"Echo: hello"/);
    }
  });

  test('begins a new thread with the items before the last one', async () => {
    await using served = await serveApp((ctx) => {
      ctx.sendMessage(
        JSON.stringify([ctx.threadConfig, ctx.history.map(({ content }) => content)]),
      );
    });
    const { output_text } = await openAiClient(served).client.responses.create({
      input: [
        { role: 'developer', content: 'Be brief' },
        { role: 'user', content: 'a' },
        {
          type: 'message',
          id: 'msg_1',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'b', annotations: [] }],
        },
        { role: 'user', content: 'c' },
      ],
    });
    assert.deepEqual(JSON.parse(output_text), [
      { interface: 'openai', system_prompt: 'Be brief' },
      ['a', 'b', 'c'],
    ]);
  });

  test('takes the items of an answer back as they came, reasoning and all', async () => {
    await using served = await serveApp(talkative);
    const { client } = openAiClient(served);
    const { output } = await client.responses.stream({ input: 'go' }).finalResponse();
    assert.ok(output.some(({ type }) => type === 'reasoning'));
    const input = [{ role: 'user', content: 'go' }, ...output, { role: 'user', content: 'on' }];
    const body = { input, context_management: [{ type: 'compaction' }] };
    const { metadata } = await client.post<OpenAI.Responses.Response>('/responses', { body });
    const { events } = await served.app.threads.events(metadata?.['thread_id'] ?? '', {
      limit: 20,
      domains: ['comm'],
    });
    const talk = ['one two three', 'Which?', 'the end'];
    assert.deepEqual(
      events.map(({ data }) => data['content']),
      ['go', ...talk, 'on', ...talk],
    );
  });

  test('is in a thread that is erased when it is not to be stored', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const { id, output_text } = await client.responses.create({ input: 'hello', store: false });
    assert.equal(output_text, 'Echo: hello');
    while ((await served.app.threads.list({ limit: 1 })).threads.length > 0) {
      await new Promise(setImmediate);
    }
    await assert.rejects(client.responses.retrieve(id), NotFoundError);
    await assert.rejects(
      client.responses.create({ input: 'more', previous_response_id: id }),
      BadRequestError,
    );
  });
});

describe('what is refused', () => {
  test('a pipeline that fails is an internal error, and the client does not retry', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client, answers } = openAiClient(served);
    await assert.rejects(
      client.responses.create({ input: 'boom' }),
      (error) => error instanceof InternalServerError && error.code === 'pipeline_error',
    );
    assert.equal(answers.length, 1);
    assert.equal(agent.runs, 1);
  });

  test('a wrong key is an AuthenticationError', async () => {
    await using served = await serveApp(agentPipeline().pipeline, { apiKeys: ['right'] });
    const { client } = openAiClient(served);
    await assert.rejects(client.responses.create({ input: 'hello' }), AuthenticationError);
    await assert.rejects(client.conversations.create(), AuthenticationError);
  });

  test('a body that cannot be understood is a BadRequestError', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const bodies: unknown[] = [
      {},
      { input: [] },
      { input: 7 },
      { input: [{ role: 'assistant', content: 'x' }] },
      { input: 'x', background: true, store: false },
      { input: 'x', previous_response_id: 'resp_1', conversation: 'conv_1' },
    ];
    for (const body of bodies) {
      await assert.rejects(client.post('/responses', { body }), BadRequestError);
    }
  });

  test('what is not there, or is another contact’s, is not found', async () => {
    await using served = await serveApp(agentPipeline().pipeline, {
      authenticate: async ({ headers }) => {
        const who = headers.get('authorization')?.slice('Bearer '.length) ?? '';
        return who === 'service'
          ? { kind: 'service', id: who }
          : { kind: 'contact', id: who, contactId: who };
      },
    });
    const [anna, bert, service] = ['anna', 'bert', 'service'].map(
      (apiKey) => openAiClient(served, { apiKey }).client,
    );
    assert.ok(anna && bert && service);
    const { id } = await anna.responses.create({ input: 'hello', background: true });
    const conversation = await anna.conversations.create();
    assert.equal((await anna.responses.retrieve(id)).id, id);
    const unknown = `resp_${'0'.repeat(32)}`;
    for (const client of [bert, anna]) {
      const [response, thread] =
        client === bert ? [id, conversation.id] : [unknown, `conv_${'0'.repeat(32)}`];
      await assert.rejects(client.responses.retrieve(response), NotFoundError);
      await assert.rejects(client.responses.cancel(response), NotFoundError);
      await assert.rejects(client.responses.inputItems.list(response), NotFoundError);
      await assert.rejects(client.conversations.retrieve(thread), NotFoundError);
      await assert.rejects(client.conversations.items.list(thread), NotFoundError);
      await assert.rejects(
        client.responses.create({ input: 'x', conversation: thread }),
        NotFoundError,
      );
      await assert.rejects(
        client.responses.create({ input: 'x', previous_response_id: response }),
        (error) => error instanceof BadRequestError && error.code === 'previous_response_not_found',
      );
    }
    const inThread = { input: 'x', previous_response_id: id };
    await assert.rejects(service.responses.create({ ...inThread, user: 'bert' }), BadRequestError);
    assert.equal((await service.responses.create(inThread)).output_text, 'Echo: x');
    await assert.rejects(service.responses.retrieve('resp_x'), NotFoundError);
  });

  test('a service that acts for one contact does not reach what is another’s', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const [anna, bert] = ['anna', 'bert'].map(
      (contact) =>
        openAiClient(served, { defaultHeaders: { 'x-jims-contact-id': contact } }).client,
    );
    assert.ok(anna && bert);
    const items = [{ role: 'user', content: 'before' }] as const;
    const { id: conversation } = await anna.conversations.create({ items: [...items] });
    const { id } = await anna.responses.create({ input: 'hello', background: true });
    const item = (await anna.conversations.items.list(conversation)).data[0]?.id ?? '';
    const here = { conversation_id: conversation };
    const attempts = [
      () => bert.responses.retrieve(id),
      () => bert.responses.retrieve(id, { stream: true }),
      () => bert.responses.cancel(id),
      () => bert.responses.inputItems.list(id),
      () => bert.conversations.retrieve(conversation),
      () => bert.conversations.update(conversation, { metadata: { a: 'b' } }),
      () => bert.conversations.items.list(conversation),
      () => bert.conversations.items.create(conversation, { items: [...items] }),
      () => bert.conversations.items.retrieve(item, here),
      () => bert.conversations.delete(conversation),
    ];
    for (const attempt of attempts) await assert.rejects(attempt, NotFoundError);
    const { data } = await anna.conversations.items.list(conversation);
    assert.equal(data.length, 1);
    assert.equal((await anna.responses.retrieve(id)).id, id);
    const nobody = openAiClient(served).client;
    assert.equal((await nobody.conversations.retrieve(conversation)).id, conversation);
  });

  test('a thread with a full queue is a RateLimitError', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline, { limits: { queueLimit: 0 } });
    const { client } = openAiClient(served, { maxRetries: 0 });
    const { id } = await client.conversations.create();
    const held = client.responses.create({ input: 'held', conversation: id });
    const text = held.then((response) => response.output_text);
    while (agent.runs === 0) await new Promise(setImmediate);
    await assert.rejects(
      client.responses.create({ input: 'hello', conversation: id }),
      (error) => error instanceof RateLimitError && error.code === 'queue_full',
    );
    agent.release();
    assert.equal(await text, 'let go');
  });
});

test('a client that leaves stops its run, and what was written so far is kept', async () => {
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const { client } = openAiClient(served);
  const { id } = await client.conversations.create();
  const abort = new AbortController();
  const waiting = client.responses.create(
    { input: 'wait', conversation: id },
    { signal: abort.signal },
  );
  const refused = assert.rejects(waiting, APIUserAbortError);
  while (agent.runs === 0) await new Promise(setImmediate);
  abort.abort();
  await refused;
  await agent.stopped;
  let items = await Array.fromAsync(client.conversations.items.list(id, { order: 'asc' }));
  while (items.length < 2) {
    items = await Array.fromAsync(client.conversations.items.list(id, { order: 'asc' }));
  }
  assert.deepEqual(
    items.map((item) => item.type === 'message' && [item.role, item.status]),
    [
      ['user', 'completed'],
      ['assistant', 'incomplete'],
    ],
  );
});

test('a request that is sent again under its key gets the first one’s response', async () => {
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const { client } = openAiClient(served, { defaultHeaders: { 'idempotency-key': 'one' } });
  const first = await client.responses.create({ input: 'hello' });
  assert.deepEqual(await client.responses.create({ input: 'hello' }), first);
  assert.equal(agent.runs, 1);
  await assert.rejects(
    client.responses.create({ input: 'other' }),
    (error) => error instanceof BadRequestError && error.code === 'key_reused',
  );
});

test('is there below /openai/v1, too', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const { client } = openAiClient(served, { baseURL: `${served.origin}/openai/v1` });
  const { id } = await client.responses.create({ input: 'hello' });
  assert.equal((await client.responses.retrieve(id)).output_text, 'Echo: hello');
});
