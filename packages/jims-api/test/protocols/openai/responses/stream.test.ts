import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Pipeline } from 'jims-core';
import { APIError, APIUserAbortError } from 'openai';
import type OpenAI from 'openai';

import { agentPipeline } from '../../../support/agent-pipeline.ts';
import { parseFrames } from '../../../support/api.ts';
import { serveApp } from '../../../support/listening-app.ts';
import type { ServedApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';
import { talkative } from '../../../support/talkative-pipeline.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

type StreamEvent = OpenAI.Responses.ResponseStreamEvent;

async function eventsOf(client: OpenAI, input: string): Promise<StreamEvent[]> {
  return Array.fromAsync(await client.responses.create({ input, stream: true }));
}

const statusBetween: Pipeline = (ctx) =>
  ctx.sendMessage(
    (async function* () {
      yield 'one ';
      ctx.updateAgentStatus('in between');
      yield 'two';
    })(),
  );

describe('a stream of events', () => {
  test('sends a message from its beginning to its end, numbered without gaps', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const events = await eventsOf(openAiClient(served).client, 'stream');
    assert.deepEqual(
      events.map(({ type }) => type),
      [
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.content_part.added',
        'response.output_text.delta',
        'response.output_text.delta',
        'response.output_text.delta',
        'response.output_text.done',
        'response.content_part.done',
        'response.output_item.done',
        'response.completed',
      ],
    );
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      events.map((_, i) => i),
    );
    const last = events.at(-1);
    assert.ok(last?.type === 'response.completed');
    const { client } = openAiClient(served);
    const stored = await client.responses.retrieve(last.response.id);
    assert.deepEqual(last.response.output, stored.output);
    assert.equal(stored.output_text, 'one two three');
  });

  test('has an item for each message, and statuses as what it was thinking', async () => {
    await using served = await serveApp(talkative);
    const events = await eventsOf(openAiClient(served).client, 'go');
    const last = events.at(-1);
    assert.ok(last?.type === 'response.completed');
    assert.deepEqual(
      last.response.output.map((item) => {
        if (item.type === 'reasoning') return item.summary.map(({ text }) => text);
        const part = item.type === 'message' ? item.content[0] : undefined;
        return part?.type === 'output_text' && part.text;
      }),
      [['Searching…', 'plain'], 'one two three', 'Which?', 'the end'],
    );
    const done = events.filter((event) => event.type === 'response.output_item.done');
    assert.deepEqual(
      done.map(({ item }) => item),
      last.response.output,
    );
    assert.doesNotMatch(JSON.stringify(events), /secret|rag\./);
  });

  test('reports a failure by two events, of which clients know one or the other', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client, answers } = openAiClient(served);
    const types: string[] = [];
    const stream = await client.responses.create({ input: 'boom', stream: true });
    await assert.rejects(
      async () => {
        for await (const event of stream) {
          types.push(event.type);
          if (event.type === 'response.failed') {
            assert.equal(event.response.status, 'failed');
            assert.equal(event.response.error?.code, 'server_error');
          }
        }
      },
      (error) => error instanceof APIError && error.code === 'pipeline_error',
    );
    assert.equal(types.at(-1), 'response.failed');
    assert.equal(answers.length, 1);
    assert.equal(agent.runs, 1);
  });

  test('says what failed in the form of OpenAI, and in that of Open Responses', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { error, message, sequence_number: _, ...rest } = await lastData(served, {});
    assert.match(String(message), /^Pipeline error/);
    assert.deepEqual(rest, { type: 'error', code: 'pipeline_error', param: null });
    const type = 'invalid_request_error';
    assert.deepEqual(error, { type, code: 'pipeline_error', message, param: null });
  });

  test('fails for good where the client is not known to leave it at that', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const clients = {
      'codex_exec/0.169.0 (Linux)': {},
      'langchainjs-openai/1.0': { 'x-stainless-lang': 'js' },
      'OpenAI/JS 7.57.0': { 'x-stainless-lang': 'js' },
    };
    const [refused, failed] = ['invalid_request_error', 'server_error'];
    const types: unknown[] = [];
    const codes: unknown[] = [];
    const statuses: number[] = [];
    for (const [userAgent, headers] of Object.entries(clients)) {
      const sent = { ...headers, 'user-agent': userAgent };
      for (const stream of [false, true]) {
        const body = JSON.stringify({ stream, messages: [{ role: 'user', content: 'boom' }] });
        const options = { method: 'POST', headers: { ...sent, ...JSON_TYPE }, body };
        const answer = await fetch(`${served.origin}/v1/chat/completions`, options);
        if (!stream) statuses.push(answer.status);
        types.push(/"type":"(\w+)"/.exec(await answer.text())?.[1]);
      }
      const { response } = await lastData(served, sent, 'response.failed');
      assert.ok(typeof response === 'object' && response !== null && 'error' in response);
      assert.ok(typeof response.error === 'object' && response.error && 'code' in response.error);
      codes.push(response.error.code);
    }
    assert.deepEqual(codes, ['invalid_prompt', 'invalid_prompt', 'server_error']);
    assert.deepEqual(statuses, [400, 400, 500]);
    assert.deepEqual(types, [refused, refused, refused, refused, failed, failed]);
  });

  test('its Idempotency-Key gives the same stream again', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served, { defaultHeaders: { 'idempotency-key': 'k' } });
    const first = await eventsOf(client, 'stream');
    assert.deepEqual(await eventsOf(client, 'stream'), first);
    assert.equal(agent.runs, 1);
  });

  test('requested again with Last-Event-ID goes on after that event, in each form of it', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served, { defaultHeaders: { 'idempotency-key': 'k' } });
    const all = await eventsOf(client, 'stream');
    const [first, ...rest] = all;
    assert.ok(first?.type === 'response.created');
    const fetched = `${served.origin}/v1/responses/${first.response.id}?stream=true`;
    const after = { 'last-event-id': '0' };
    const answers = [
      await openStream(served, 'stream', { 'idempotency-key': 'k', ...after }),
      await openStream(served, 'stream', { 'idempotency-key': 'k' }, '?lastEventId=0'),
      await fetch(fetched, { headers: after }),
      await fetch(`${fetched}&Last-Event-ID=0`),
      await fetch(`${fetched}&starting_after=0&last_event_id=3`),
    ];
    for (const answer of answers) {
      const frames = parseFrames(await answer.text());
      assert.deepEqual(
        frames.map(({ id, data }) => [id, data]),
        rest.map((event) => [String(event.sequence_number), event]),
      );
    }
    // What was seen of another stream does not count, and the last event is always sent.
    for (const id of ['0', 'x']) {
      const fresh = await openStream(served, 'stream', { 'last-event-id': id });
      assert.equal(parseFrames(await fresh.text()).length, all.length);
    }
    const end = parseFrames(
      await (await fetch(fetched, { headers: { 'last-event-id': '99' } })).text(),
    );
    assert.deepEqual(
      end.map((frame) => frame.event),
      ['response.completed'],
    );
    for (const id of ['x', '1.2', '-1']) {
      const refused = await fetch(fetched, { headers: { 'last-event-id': id } });
      assert.equal(refused.status, 400);
      assert.match(await refused.text(), /last_event_id_invalid/);
    }
  });

  test('a client that breaks out of its loop stops the run, and what it saw is kept', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served);
    const stream = await client.responses.create({ input: 'wait', stream: true });
    let id = '';
    for await (const event of stream) {
      if (event.type === 'response.created') ({ id } = event.response);
      if (event.type === 'response.output_text.delta') break;
    }
    await agent.stopped;
    let response = await client.responses.retrieve(id);
    while (response.status === 'in_progress') response = await client.responses.retrieve(id);
    assert.equal(response.status, 'cancelled');
    assert.equal(response.output_text, 'beginning ');
  });
});

describe('the helper responses.stream', () => {
  test('puts the whole response together', async () => {
    await using served = await serveApp(talkative);
    const stream = openAiClient(served).client.responses.stream({ input: 'go' });
    const deltas: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta));
    const response = await stream.finalResponse();
    assert.equal(response.status, 'completed');
    assert.equal(response.output_text, 'one two threeWhich?the end');
    assert.equal(deltas.join(''), response.output_text);
    assert.ok(deltas.length > 4);
  });

  test('takes a status in the middle of a message', async () => {
    await using served = await serveApp(statusBetween);
    const response = await openAiClient(served)
      .client.responses.stream({ input: 'go' })
      .finalResponse();
    assert.equal(response.output_text, 'one two');
    assert.deepEqual(
      response.output.map(({ type }) => type),
      ['message', 'reasoning'],
    );
  });

  test('takes messages that grow at the same time', async () => {
    await using served = await serveApp(async (ctx) => {
      const turns = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      async function* words(own: number): AsyncGenerator<string> {
        yield `${own} `;
        turns[own]?.resolve();
        await turns[1 - own]?.promise;
        yield 'end';
      }
      await Promise.all([ctx.sendMessage(words(0)), ctx.sendMessage(words(1))]);
    });
    const response = await openAiClient(served)
      .client.responses.stream({ input: 'go' })
      .finalResponse();
    assert.equal(response.output_text, '0 end1 end');
  });

  test('throws the error of a pipeline', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const stream = openAiClient(served).client.responses.stream({ input: 'boom' });
    await assert.rejects(stream.finalResponse(), APIError);
  });

  test('stops the run when it is aborted', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const stream = openAiClient(served).client.responses.stream({ input: 'wait' });
    stream.on('response.output_text.delta', () => stream.abort());
    await assert.rejects(stream.done(), APIUserAbortError);
    await agent.stopped;
  });

  test('takes a response that says nothing', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const stream = openAiClient(served).client.responses.stream({ input: 'silent' });
    assert.equal((await stream.finalResponse()).output_text, '');
  });
});

/** The data of the last event, or of the last one of a type, of a stream that fails. */
function openStream(
  { origin }: ServedApp,
  input: string,
  headers: Readonly<Record<string, string>>,
  query = '',
): Promise<Response> {
  return fetch(`${origin}/v1/responses${query}`, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify({ input, stream: true }),
  });
}

async function lastData(
  served: ServedApp,
  headers: Readonly<Record<string, string>>,
  event = 'error',
): Promise<Readonly<Record<string, unknown>>> {
  const response = await openStream(served, 'boom', headers);
  const frame = parseFrames(await response.text()).findLast((each) => each.event === event);
  assert.ok(frame);
  return frame.data;
}
