import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Pipeline } from 'jims-core';
import { BadRequestError } from 'openai';
import type OpenAI from 'openai';

import { emptiedDatabase } from '../../../../../jims-core/test/support/emptied-database.ts';
import { eventually } from '../../../../../jims-core/test/support/eventually.ts';
import { freshSqlite } from '../../../../../jims-core/test/support/sqlite.ts';
import { describeStores } from '../../../../../jims-core/test/support/stores.ts';
import { agentPipeline } from '../../../support/agent-pipeline.ts';
import { jsonOf, testApiOn } from '../../../support/api.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';

type StreamEvent = OpenAI.Responses.ResponseStreamEvent;

const WORDS = Array.from({ length: 200 }, (_, i) => `w${i} `);
const TEXT = `${WORDS.join('')}end`;
/** Few enough that a reader gets each by itself. */
const FIRST_WORDS = 50;
/** The events of a stream before its first word: its beginning, a status, an item. */
const BEFORE_WORDS = 10;

interface LongWinded {
  readonly pipeline: Pipeline;
  readonly goOn: () => void;
  readonly end: () => void;
}

/** Says some words, waits, says many more at once, waits, and says a last one. */
function longWinded(): LongWinded {
  const more = Promise.withResolvers<void>();
  const last = Promise.withResolvers<void>();
  async function* words(): AsyncGenerator<string> {
    yield* WORDS.slice(0, FIRST_WORDS);
    await more.promise;
    yield* WORDS.slice(FIRST_WORDS);
    await last.promise;
    yield 'end';
  }
  return {
    goOn: more.resolve,
    end: last.resolve,
    async pipeline(ctx) {
      ctx.updateAgentStatus('counting');
      await ctx.sendMessage(words());
    },
  };
}

function textOf(events: readonly StreamEvent[]): string {
  return events
    .flatMap((event) => (event.type === 'response.output_text.delta' ? [event.delta] : []))
    .join('');
}

async function over(client: OpenAI, id: string): Promise<OpenAI.Responses.Response> {
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (response.status !== 'queued' && response.status !== 'in_progress') return response;
  }
}

describe('a response in the background', () => {
  test('answers at once, goes on, and is fetched by its id', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served);
    const begun = await client.responses.create({ input: 'held', background: true });
    assert.equal(begun.status, 'in_progress');
    assert.equal(begun.background, true);
    assert.equal(begun.output_text, '');
    const queued = await client.responses.create({
      input: 'hello',
      background: true,
      previous_response_id: begun.id,
    });
    assert.equal(queued.status, 'queued');
    agent.release();
    assert.equal((await over(client, begun.id)).output_text, 'let go');
    assert.equal((await over(client, queued.id)).output_text, 'Echo: hello');
  });

  test('that fails is fetched as failed, without the pipeline’s words', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const { id } = await client.responses.create({ input: 'boom', background: true });
    const response = await over(client, id);
    assert.equal(response.status, 'failed');
    assert.deepEqual(response.error, { code: 'server_error', message: 'Pipeline error' });
  });

  test('is stopped by cancel, which keeps what was said', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served);
    const { id } = await client.responses.create({ input: 'wait', background: true });
    while (agent.runs === 0) await new Promise(setImmediate);
    const cancelled = await client.responses.cancel(id);
    assert.equal(cancelled.status, 'cancelled');
    await agent.stopped;
    assert.deepEqual(await client.responses.cancel(id), cancelled);
    assert.equal((await client.responses.retrieve(id)).output_text, 'beginning ');
  });

  test('is taken out of the queue by cancel before its turn', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served);
    const held = await client.responses.create({ input: 'held', background: true });
    const line = { background: true, previous_response_id: held.id };
    const queued = await client.responses.create({ input: 'hello', ...line });
    const last = await client.responses.create({ input: 'history', ...line });
    assert.equal((await client.responses.cancel(queued.id)).status, 'cancelled');
    assert.equal((await client.responses.retrieve(queued.id)).status, 'cancelled');
    agent.release();
    const { output_text } = await over(client, last.id);
    assert.equal(output_text, 'held|let go|hello|history');
    assert.equal(agent.runs, 2);
  });

  test('cancel is refused for one that somebody waits for', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const { id } = await client.responses.create({ input: 'hello' });
    await assert.rejects(client.responses.cancel(id), BadRequestError);
  });

  test('its stream ends as incomplete for a client that reads it while it is stopped', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served);
    const stream = client.responses.stream({ input: 'wait', background: true });
    stream.on('response.output_text.delta', () => {
      const [id] = ids;
      if (id !== undefined) void client.responses.cancel(id);
    });
    const ids: string[] = [];
    stream.on('response.created', ({ response }) => ids.push(response.id));
    assert.equal((await stream.finalResponse()).status, 'cancelled');
  });

  test('goes on when its reader leaves; a reader that comes back misses nothing', async () => {
    const { pipeline, goOn, end } = longWinded();
    await using served = await serveApp(pipeline);
    const { client } = openAiClient(served);
    const seen: StreamEvent[] = [];
    let id = '';
    for await (const event of await client.responses.create({
      input: 'go',
      background: true,
      stream: true,
    })) {
      seen.push(event);
      if (event.type === 'response.created') ({ id } = event.response);
      if (textOf(seen).endsWith('w29 ')) break;
    }
    goOn();
    const starting_after = seen.at(-1)?.sequence_number ?? 0;
    assert.equal(starting_after, BEFORE_WORDS + 29);
    const stream = await client.responses.retrieve(id, { stream: true, starting_after });
    const rest: StreamEvent[] = [];
    for await (const event of stream) {
      rest.push(event);
      if (textOf(rest).endsWith('w199 ')) end();
    }
    assert.equal(textOf(seen) + textOf(rest), TEXT);
    assert.equal(rest[0]?.sequence_number, starting_after + 1);
    assert.equal(rest.at(-1)?.type, 'response.completed');
    const again = await Array.fromAsync(await client.responses.retrieve(id, { stream: true }));
    assert.equal(textOf(again), TEXT);
    assert.equal(again.at(-1)?.sequence_number, rest.at(-1)?.sequence_number);
  });

  test('is joined by the client’s helper, after an event or from its beginning', async () => {
    const { pipeline, goOn, end } = longWinded();
    goOn();
    end();
    await using served = await serveApp(pipeline);
    const { client } = openAiClient(served);
    const { id } = await client.responses.create({ input: 'go', background: true });
    const joined = client.responses.stream({ response_id: id, starting_after: 5 });
    assert.equal((await joined.finalResponse()).output_text, TEXT);
  });
});

test('a response has the same members in every form', async () => {
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const { client } = openAiClient(served);
  const begun = await client.responses.create({ input: 'wait', background: true });
  const line = { previous_response_id: begun.id, background: true };
  const forms = [begun, await client.responses.create({ ...line, input: 'hello' })];
  while (agent.runs === 0) await new Promise(setImmediate);
  forms.push(await client.responses.cancel(begun.id));
  forms.push(await client.responses.create({ input: 'hello' }));
  const failing = await client.responses.create({ input: 'boom', background: true });
  for (const { id } of [begun, failing]) {
    forms.push(await over(client, id));
    const stream = await client.responses.retrieve(id, { stream: true });
    const read = async (): Promise<void> => {
      for await (const event of stream) if ('response' in event) forms.push(event.response);
    };
    // The client throws the error that follows.
    await read().catch((error: unknown) => assert.equal(id, failing.id, String(error)));
  }
  const statuses = ['in_progress', 'queued', 'cancelled', 'completed', 'failed'];
  assert.deepEqual([...new Set(forms.map(({ status }) => status))], statuses);
  const [members] = forms.map(membersOf);
  for (const form of forms) assert.deepEqual(membersOf(form), members);
});

/** The client adds `output_text` to some of them. */
function membersOf(form: object): string[] {
  return Object.keys(form)
    .filter((name) => name !== 'output_text')
    .toSorted();
}

describeStores(({ name, fresh }) => {
  test(`responses and conversations survive a restart (${name})`, async () => {
    await using database = await fresh();
    const agent = agentPipeline();
    const first = await serveApp(agent.pipeline, { store: database.url });
    const before = openAiClient(first).client;
    const { id: conversation } = await before.conversations.create({ metadata: { a: 'b' } });
    const response = await before.responses.create({
      model: 'gpt-x',
      input: 'stream',
      conversation,
      metadata: { c: 'd' },
    });
    const other = await before.responses.create({ input: 'hello' });
    await first[Symbol.asyncDispose]();

    await using second = await serveApp(agent.pipeline, { store: database.url });
    const { client } = openAiClient(second);
    assert.deepEqual(await client.responses.retrieve(response.id), response);
    const replayed = client.responses.stream({ response_id: response.id });
    assert.equal((await replayed.finalResponse()).output_text, 'one two three');
    const rest = await Array.fromAsync(
      await client.responses.retrieve(response.id, { stream: true, starting_after: 40 }),
    );
    assert.equal(rest.at(-1)?.type, 'response.completed');
    const next = await client.responses.create({
      input: 'history',
      previous_response_id: other.id,
    });
    assert.equal(next.output_text, 'hello|Echo: hello|history');
    const items = await client.conversations.items.list(conversation);
    assert.equal(items.data.length, 2);
  });
});

test('another process fetches, joins and cancels a response', async () => {
  await using database = await emptiedDatabase();
  const { pipeline, goOn, end } = longWinded();
  await using one = await serveApp(pipeline, { store: database.url });
  await using two = await serveApp(pipeline, { store: database.url });
  const begun = await openAiClient(one).client.responses.create({ input: 'go', background: true });
  const { client } = openAiClient(two);
  assert.equal((await client.responses.retrieve(begun.id)).status, 'in_progress');
  goOn();
  const events: StreamEvent[] = [];
  for await (const event of await client.responses.retrieve(begun.id, {
    stream: true,
    starting_after: BEFORE_WORDS + 10,
  })) {
    events.push(event);
    end();
  }
  assert.equal(textOf(events), `${WORDS.slice(11).join('')}end`);

  const agent = agentPipeline();
  await using three = await serveApp(agent.pipeline, { store: database.url });
  const waiting = await openAiClient(three).client.responses.create({
    input: 'wait',
    background: true,
  });
  while (agent.runs === 0) await new Promise(setImmediate);
  assert.equal((await client.responses.cancel(waiting.id)).status, 'cancelled');
  await agent.stopped;
});

test('a reader that saw an attempt that was cut off gets all of the next one, with higher numbers', async () => {
  using database = freshSqlite();
  const body = { model: 'm', input: 'wait', background: true };
  const key = { 'idempotency-key': 'k' };
  const here = testApiOn(database.url, agentPipeline().pipeline);
  const { id } = await jsonOf(await here.post('/v1/responses', body, key));
  const path = `/v1/responses/${String(id)}?stream=true`;
  const cut = await here.get(path);
  await here.app.close();
  const seen = numbersOf(await cut.text());
  assert.ok(seen.length > 2);

  await using api = testApiOn(database.url, (ctx) => ctx.sendMessage('the answer'));
  await api.post('/v1/responses', body, key);
  await eventually(async () => {
    return (await jsonOf(await api.get(`/v1/responses/${String(id)}`)))['status'] === 'completed';
  });
  for (const after of ['', `&starting_after=${seen.at(-1)}`, '&starting_after=1']) {
    const text = await (await api.get(path + after)).text();
    assert.match(text, /response\.created/);
    assert.match(text, /"delta":"the answer"/);
    assert.match(text, /response\.completed/);
    const numbers = numbersOf(text);
    assert.ok(numbers.every((number) => number > (seen.at(-1) ?? 0)));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  }
  const all = numbersOf(await (await api.get(path)).text());
  const rest = numbersOf(await (await api.get(`${path}&starting_after=${all[2]}`)).text());
  assert.deepEqual(rest, all.slice(3));
});

function numbersOf(text: string): readonly number[] {
  return [...text.matchAll(/"sequence_number":(\d+)/g)].map(([, number]) => Number(number));
}
