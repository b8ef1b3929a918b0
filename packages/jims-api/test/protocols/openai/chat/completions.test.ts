import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';

import { newEvent } from 'jims-core';
import type { Pipeline } from 'jims-core';
import {
  APIConnectionError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import type OpenAI from 'openai';

import { fakeModels } from '../../../../../jims-core/test/support/fake-models.ts';
import { agentPipeline } from '../../../support/agent-pipeline.ts';
import type { AgentPipeline } from '../../../support/agent-pipeline.ts';
import { jsonOf } from '../../../support/api.ts';
import { serveApp } from '../../../support/listening-app.ts';
import type { ServedApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';
import { talkative } from '../../../support/talkative-pipeline.ts';

function ask(
  client: OpenAI,
  content: string,
  options: OpenAI.RequestOptions = {},
): Promise<OpenAI.ChatCompletion> {
  const messages = [{ role: 'user' as const, content }];
  return client.chat.completions.create({ model: 'any', messages }, options);
}

function textOf(completion: OpenAI.ChatCompletion): string | null | undefined {
  return completion.choices[0]?.message.content;
}

async function said({ app }: ServedApp, threadId: string): Promise<unknown[]> {
  const events = (await app.threads.events(threadId, { limit: 100, domains: ['comm'] })).events;
  return events.map(({ data }) => data['content']);
}

/** Keeps a thread busy until `over` is called. */
async function hold(
  { app }: ServedApp,
  client: OpenAI,
  agent: AgentPipeline,
): Promise<{ inThread: OpenAI.RequestOptions; over: () => Promise<void> }> {
  const { thread } = await app.threads.getOrCreate({ contactId: 'c' });
  const inThread = { headers: { 'x-jims-thread-id': thread.id } };
  const held = ask(client, 'held', inThread);
  while (agent.runs === 0) await new Promise(setImmediate);
  async function over(): Promise<void> {
    agent.release();
    await held;
  }
  return { inThread, over };
}

/** Resolves when the thread's run is over. */
async function settled({ app }: ServedApp, threadId: string): Promise<void> {
  await (
    await app.runs.active(threadId)
  )?.end;
}

describe('chat.completions.create', () => {
  test('answers in the form of OpenAI, and says by headers which thread and run it was', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const messages = [{ role: 'user' as const, content: 'hello' }];
    const { data, response } = await client.chat.completions
      .create({ model: 'gpt-x', messages, temperature: 0.2, tools: [], stop: null })
      .withResponse();
    assert.match(data.id, /^chatcmpl-[0-9a-f]{32}$/);
    assert.ok(Math.abs(data.created - Date.now() / 1000) < 60);
    assert.deepEqual(data, {
      id: data.id,
      object: 'chat.completion',
      created: data.created,
      model: 'gpt-x',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Echo: hello', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 0,
        completion_tokens: 0,
        total_tokens: 0,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    });
    const threadId = response.headers.get('x-jims-thread-id') ?? '';
    assert.deepEqual(await said(served, threadId), ['hello', 'Echo: hello']);
    const digits = response.headers.get('x-jims-run-id')?.replaceAll('-', '') ?? '';
    assert.equal(data.id, `chatcmpl-${digits}`);
    assert.equal((await client.responses.retrieve(`resp_${digits}`)).output_text, 'Echo: hello');
  });

  test('joins several messages by blank lines, counts texts over buttons, leaves out the rest', async () => {
    await using served = await serveApp(talkative);
    const { client, answers } = openAiClient(served);
    const completion = await ask(client, 'go');
    assert.equal(textOf(completion), 'one two three\n\nWhich?\n\nthe end');
    assert.doesNotMatch(JSON.stringify(completion), /secret|rag\.|documents/);
    assert.equal(answers.length, 1);
  });

  test('says an empty text for a pipeline that says nothing', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    assert.equal(textOf(await ask(openAiClient(served).client, 'silent')), '');
  });

  test('reports the tokens that the models of the run used', async () => {
    await using models = await fakeModels();
    await using served = await serveApp({
      pipeline: (ctx) => ctx.sendMessage(ctx.llm.stream(ctx.history)),
      llm: models.provider({ model: 'gpt-4.1-mini' }),
    });
    const { usage } = await ask(openAiClient(served).client, 'one two');
    assert.ok(usage && usage.prompt_tokens > 0 && usage.completion_tokens > 0);
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  });

  test('takes the text of parts, and leaves out what is neither text nor a file', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const completion = await openAiClient(served).client.chat.completions.create({
      model: 'any',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'see' },
            { type: 'refusal', refusal: 'no' } as never,
            { type: 'text', text: 'this' },
          ],
        },
      ],
    });
    assert.equal(textOf(completion), 'Echo: see\n\nthis');
  });

  test('a click on a button is one', async () => {
    await using served = await serveApp((ctx) => ctx.sendMessage(`${ctx.lastUserAction?.name}`));
    assert.equal(textOf(await ask(openAiClient(served).client, 'btn:a')), 'user_button_click');
  });

  test('is there below /openai/v1, too, and the app is the one model, under any name', async () => {
    const pipeline: Pipeline = (ctx) => ctx.sendMessage('hi');
    await using served = await serveApp({ pipeline, name: 'librarian' });
    const { client } = openAiClient(served, { baseURL: `${served.origin}/openai/v1` });
    assert.equal(textOf(await ask(client, 'hello')), 'hi');
    const { data } = await client.models.list();
    const model = { id: 'librarian', object: 'model', created: 0, owned_by: 'jims' };
    assert.deepEqual(data, [model]);
    assert.deepEqual(await client.models.retrieve('gpt-x'), { ...model, id: 'gpt-x' });
  });
});

describe('what is refused', () => {
  test('a pipeline that fails is an internal error, and the client does not retry', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client, answers } = openAiClient(served);
    await assert.rejects(ask(client, 'boom'), (error) => {
      assert.ok(error instanceof InternalServerError);
      assert.deepEqual(
        [error.status, error.code, error.type, error.param],
        [500, 'pipeline_error', 'server_error', null],
      );
      assert.match(error.message, /^500 Pipeline error \(request /);
      return true;
    });
    assert.equal(answers.length, 1);
    assert.equal(agent.runs, 1);
  });

  test('a service that exposes errors sends the pipeline’s own words', async () => {
    await using served = await serveApp(agentPipeline().pipeline, { exposeErrors: true });
    await assert.rejects(ask(openAiClient(served).client, 'boom'), /Pipeline error: kaboom/);
  });

  test('a wrong key is an AuthenticationError, before the body is looked at', async () => {
    await using served = await serveApp(agentPipeline().pipeline, { apiKeys: ['right'] });
    const { client } = openAiClient(served, { apiKey: 'wrong' });
    await assert.rejects(
      client.chat.completions.create({ model: 'any', messages: [] }),
      (error) => error instanceof AuthenticationError && error.code === 'invalid_api_key',
    );
    await assert.rejects(client.models.list(), AuthenticationError);
    const { client: known } = openAiClient(served, { apiKey: 'right' });
    assert.equal(textOf(await ask(known, 'hello')), 'Echo: hello');
  });

  test('another method is 405 and what is allowed, another path 404, both in words of OpenAI', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    for (const [path, allow] of [
      ['/v1/chat/completions', 'POST'],
      ['/openai/v1/chat/completions', 'POST'],
      ['/v1/responses', 'POST'],
      ['/v1/conversations', 'POST'],
    ]) {
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']) {
        const response = await fetch(`${served.origin}${path}`, { method });
        assert.equal(response.status, 405, `${method} ${path}`);
        assert.equal(response.headers.get('allow'), allow);
      }
    }
    const { client } = openAiClient(served);
    const unknown = { name: 'Error', status: 404, code: 'unknown_url' };
    await assert.rejects(client.embeddings.create({ model: 'm', input: 'x' }), unknown);
    await assert.rejects(client.get('/responses/resp_1/nothing'), unknown);
  });

  test('a body that cannot be understood is a BadRequestError that names the member', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const refusals = [
      [{ model: 'm' }, 'messages', 'missing_required_parameter'],
      [{ messages: [] }, 'messages', 'invalid_value'],
      [{ messages: [{ role: 'pirate', content: 'x' }] }, 'messages.0.role', 'invalid_value'],
      [{ messages: [{ role: 'assistant', content: 'x' }] }, 'messages', 'invalid_value'],
      [{ messages: [{ role: 'user', content: [] }] }, 'messages', 'invalid_value'],
      [{ messages: [{ role: 'user', content: 'x' }], user: ' x' }, 'user', 'invalid_value'],
    ] as const;
    for (const [body, param, code] of refusals) {
      await assert.rejects(client.post('/chat/completions', { body }), (error) => {
        assert.ok(error instanceof BadRequestError);
        assert.deepEqual([error.param, error.code], [param, code]);
        return true;
      });
    }
    const broken = await fetch(`${served.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"messages":',
    });
    assert.equal(broken.status, 400);
    assert.deepEqual(await jsonOf(broken), {
      error: {
        message: 'JSON decode error: Expecting value at character 12',
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_json',
      },
    });
  });

  test('what OpenAI has and an app has not is a NotFoundError', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    await assert.rejects(
      client.embeddings.create({ model: 'any', input: 'x' }),
      (error) => error instanceof NotFoundError && error.code === 'unknown_url',
    );
    await assert.rejects(client.files.list(), NotFoundError);
  });

  test('a service that is full is an InternalServerError', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline, { limits: { maxRuns: 1 } });
    const { client } = openAiClient(served, { maxRetries: 0 });
    const { over } = await hold(served, client, agent);
    await assert.rejects(
      ask(client, 'hello'),
      (error) => error instanceof InternalServerError && error.code === 'overloaded',
    );
    await over();
  });

  test('a thread with a full queue is a RateLimitError', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline, { limits: { queueLimit: 0 } });
    const { client } = openAiClient(served, { maxRetries: 0 });
    const { inThread, over } = await hold(served, client, agent);
    await assert.rejects(
      ask(client, 'hello', inThread),
      (error) => error instanceof RateLimitError && error.code === 'queue_full',
    );
    await over();
  });

  test('a busy thread is a ConflictError at once when the service refuses the second', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline, { limits: { onBusy: 'reject' } });
    const { client, answers } = openAiClient(served);
    const { inThread, over } = await hold(served, client, agent);
    await assert.rejects(
      ask(client, 'hello', inThread),
      (error) => error instanceof ConflictError && error.code === 'thread_busy',
    );
    assert.equal(answers.length, 1);
    await over();
  });

  test('a run that takes too long is not retried by the client', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline, { limits: { timeoutMs: 20, graceMs: 1 } });
    const { client } = openAiClient(served);
    await assert.rejects(
      ask(client, 'unlistening'),
      (error) => error instanceof InternalServerError && error.code === 'deadline',
    );
    assert.equal(agent.runs, 1);
  });

  for (const [has, isStored, message, header] of [
    ['has done something', true, /goes on/, 'false'],
    ['has done nothing yet', false, /shutting down: send it again/, null],
  ] as const) {
    test(`a durable run whose process ends is ${isStored ? 'not ' : ''}repeated when it ${has}`, async () => {
      const working = Promise.withResolvers<void>();
      await using served = await serveApp({
        durable: true,
        async pipeline(ctx) {
          if (isStored) await ctx.step('first', () => 1);
          await ctx.step('work', async ({ signal }) => {
            working.resolve();
            await once(signal, 'abort');
            throw signal.reason;
          });
        },
      });
      const { client, answers } = openAiClient(served, { maxRetries: 0 });
      const refused = assert.rejects(
        ask(client, 'work'),
        (error) => error instanceof InternalServerError && message.test(error.message),
      );
      await working.promise;
      await served.app.close();
      await refused;
      assert.deepEqual(
        answers.map(({ headers }) => headers.get('x-should-retry')),
        [header],
      );
    });
  }

  test('a run that was stopped is not retried by the client', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served);
    const thread = await served.app.threads.getOrCreate({ contactId: 'c' });
    const waiting = ask(client, 'wait', { headers: { 'x-jims-thread-id': thread.thread.id } });
    while (agent.runs === 0) await new Promise(setImmediate);
    (await served.app.runs.active(thread.thread.id))?.cancel();
    await assert.rejects(
      waiting,
      (error) => error instanceof ConflictError && error.code === 'cancelled',
    );
    assert.equal(agent.runs, 1);
  });
});

test('a client that leaves stops its run, and what was written so far is kept', async () => {
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const { client } = openAiClient(served);
  const { thread } = await served.app.threads.getOrCreate({ contactId: 'c' });
  const abort = new AbortController();
  const waiting = ask(client, 'wait', {
    signal: abort.signal,
    headers: { 'x-jims-thread-id': thread.id },
  });
  while (agent.runs === 0) await new Promise(setImmediate);
  abort.abort();
  await assert.rejects(waiting, APIUserAbortError);
  await agent.stopped;
  await settled(served, thread.id);
  assert.deepEqual(await said(served, thread.id), ['wait', 'beginning ']);
});

test('a request that is sent again under its key gets the first one’s answer', async () => {
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const { client, answers } = openAiClient(served);
  const headers = { 'idempotency-key': 'one', 'x-openwebui-chat-id': 'c1' };
  const first = await ask(client, 'hello', { headers });
  const second = await ask(client, 'hello', { headers });
  assert.deepEqual(second, first);
  assert.equal(agent.runs, 1);
  assert.equal(answers[1]?.headers.get('idempotency-replayed'), 'true');
  await assert.rejects(
    ask(client, 'other', { headers }),
    (error) => error instanceof BadRequestError && error.code === 'key_reused',
  );
});

test('a client that cannot connect gets its own connection error', async () => {
  const served = await serveApp(agentPipeline().pipeline);
  const { client } = openAiClient(served, { maxRetries: 0 });
  await served[Symbol.asyncDispose]();
  await assert.rejects(ask(client, 'hello'), APIConnectionError);
});

test('an app’s own thread, seen from here, has only what was said', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const { client } = openAiClient(served);
  const controller = await served.app.threads.getOrCreate({ contactId: 'c' });
  await controller.append(newEvent('state.set.x', { n: 1 }));
  await controller.appendAssistantMessage('Welcome');
  const inThread = { headers: { 'x-jims-thread-id': controller.thread.id } };
  assert.equal(textOf(await ask(client, 'history', inThread)), 'Welcome|history');
});
