import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';

import type { Pipeline } from 'jims-core';
import { BadRequestError } from 'openai';
import type OpenAI from 'openai';

import { agentPipeline } from '../../../support/agent-pipeline.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';

type Items = OpenAI.Responses.ResponseInput;

/** Says what its thread knows. */
const knows: Pipeline = (ctx) =>
  ctx.sendMessage(
    JSON.stringify([
      ctx.threadConfig['system_prompt'],
      ctx.history.map(({ content, files }) => (Array.isArray(files) ? `${content}+file` : content)),
    ]),
  );

const ask = (content: string): Items[number] => ({ role: 'user', content });
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const TALK: Items = [
  { role: 'developer', content: 'Be brief' },
  {
    role: 'user',
    content: [
      { type: 'input_text', text: 'a' },
      { type: 'input_image', detail: 'auto', image_url: PIXEL },
    ],
  },
  { type: 'reasoning', id: 'rs_1', summary: [] },
  { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
  { type: 'function_call_output', call_id: 'c', output: 'x' },
  { role: 'assistant', phase: 'commentary', content: 'b' },
  { role: 'assistant', phase: 'final_answer', content: 'c' },
];
const SAID = ['a+file', 'b', 'c'];

/** The input that goes on after a conversation that was compacted. */
async function after(client: OpenAI, input: Items, next: Items): Promise<Items> {
  const { output } = await client.responses.compact({ model: 'jims', input });
  assert.deepEqual(
    output.map(({ type }) => type),
    ['compaction'],
  );
  return [...output.filter((item) => item.type === 'compaction'), ...next];
}

describe('a compaction', () => {
  test('stands for the conversation, its prompt and its files', async () => {
    await using served = await serveApp(knows);
    const { client } = openAiClient(served);
    const input = await after(client, TALK, [ask('d')]);
    const { output_text } = await client.responses.create({ input });
    assert.deepEqual(JSON.parse(output_text), ['Be brief', [...SAID, 'd']]);
    // Again, with what was said since: a compaction of a compaction.
    const more = [...input, { role: 'assistant', content: 'e' } as const];
    const again = await after(client, more, [ask('f')]);
    const { output_text: text } = await client.responses.create({ input: again });
    assert.deepEqual(JSON.parse(text), ['Be brief', [...SAID, 'd', 'e', 'f']]);
  });

  test('leaves its prompt to one that is sent with it, and its place to what is before it', async () => {
    await using served = await serveApp(knows);
    const { client } = openAiClient(served);
    const input: Items = [
      { role: 'developer', content: 'Be kind' },
      ask('first'),
      ...(await after(client, TALK, [ask('d')])),
    ];
    const { output_text } = await client.responses.create({ input });
    assert.deepEqual(JSON.parse(output_text), ['Be kind', ['first', ...SAID, 'd']]);
  });

  test('is smaller than a long conversation, and counts as much', async () => {
    await using served = await serveApp(knows);
    const { client } = openAiClient(served);
    const words = Array.from({ length: 400 }, (_, i) => `The order ${i * 7919} was sent.`);
    const talk: Items = words.map((content, i) => ({
      role: i % 2 ? 'assistant' : 'user',
      content,
    }));
    const input = await after(client, talk, []);
    assert.ok(JSON.stringify(input).length * 2 < JSON.stringify(talk).length);
    const { input_tokens } = await client.responses.inputTokens.count({ input: talk });
    assert.equal((await client.responses.inputTokens.count({ input })).input_tokens, input_tokens);
    assert.ok(Math.abs(input_tokens - words.join('').length / 4) < 2);
  });

  test('of a stored response goes on in its thread', async () => {
    await using served = await serveApp(knows);
    const { client } = openAiClient(served);
    const first = await client.responses.create({ input: 'a', instructions: 'Be brief' });
    const { output } = await client.responses.compact({
      model: 'jims',
      previous_response_id: first.id,
      input: 'b',
    });
    const [item] = output;
    assert.ok(item?.type === 'compaction');
    const input = [item, ask('c')];
    const second = await client.responses.create({ input });
    assert.deepEqual(JSON.parse(second.output_text), [
      'Be brief',
      ['a', first.output_text, 'b\n\nc'],
    ]);
    assert.equal(second.metadata?.['thread_id'], first.metadata?.['thread_id']);
    // The thread has more now: a fork.
    const fork = await client.responses.create({ input });
    assert.equal(fork.output_text, second.output_text);
    assert.notEqual(fork.metadata?.['thread_id'], first.metadata?.['thread_id']);
  });

  test('is refused when it cannot be read, is too large, or has nothing in it', async () => {
    await using served = await serveApp(agentPipeline().pipeline, { maxBodyBytes: 100_000 });
    const { client } = openAiClient(served, { maxRetries: 0 });
    const packed = (text: string): string =>
      `jims1.${brotliCompressSync(text).toString('base64url')}`;
    const created = (...contents: string[]): Promise<unknown> =>
      client.responses.create({
        input: [
          ...contents.map(
            (encrypted_content) => ({ type: 'compaction', encrypted_content }) as const,
          ),
          ask('x'),
        ],
      });
    const unreadable = ['gAAAAABpM0Yj', 'jims1.AAAA', packed('{'), packed('{}'), packed('[1]')];
    for (const content of unreadable) {
      await assert.rejects(
        created(content),
        (error) => error instanceof BadRequestError && error.code === 'invalid_encrypted_content',
      );
    }
    const half = packed(JSON.stringify([{ role: 'user', content: 'x'.repeat(60_000) }]));
    await created(half);
    const tooLarge = { status: 413, code: 'input_too_large' };
    await assert.rejects(created(packed(' '.repeat(5_000_000))), tooLarge);
    await assert.rejects(created(half, half), tooLarge);
    // What no request could have in its input is not compacted.
    const compaction = { type: 'compaction', encrypted_content: half } as const;
    const input = [compaction, ask('x'.repeat(60_000))];
    await assert.rejects(client.responses.compact({ model: 'jims', input }), tooLarge);
    const many = packed(`[${Array(4000).fill('{}').join()}]`);
    await assert.rejects(created(many, many), { status: 400, code: 'too_many_items' });
    await assert.rejects(
      client.responses.compact({ model: 'jims', input: [] }),
      (error) => error instanceof BadRequestError && /nothing to compact/.test(error.message),
    );
    await assert.rejects(client.post('/responses/compact', { body: { input: 'x' } }), /model/);
    await assert.rejects(
      client.responses.compact({ model: 'jims', previous_response_id: `resp_${'0'.repeat(32)}` }),
      (error) => error instanceof BadRequestError && error.code === 'previous_response_not_found',
    );
    await assert.rejects(
      client.conversations.create({ items: await after(client, [ask('a')], []) }),
      (error) => error instanceof BadRequestError && error.code === 'compaction_needs_response',
    );
    await assert.rejects(
      client.responses.create({ input: [ask('a'), { type: 'compaction_trigger' }] }),
      /send the items to \/v1\/responses\/compact/,
    );
  });

  test('names another contact’s response in vain', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const [anna, bert] = ['anna', 'bert'].map(
      (contact) =>
        openAiClient(served, { defaultHeaders: { 'x-jims-contact-id': contact } }).client,
    );
    assert.ok(anna && bert);
    const { id } = await anna.responses.create({ input: 'hello' });
    const of = { model: 'jims', previous_response_id: id };
    await assert.rejects(bert.responses.compact(of), BadRequestError);
    const [item] = (await anna.responses.compact(of)).output;
    assert.ok(item?.type === 'compaction');
    await assert.rejects(bert.responses.create({ input: [item, ask('history')] }), { status: 404 });
    await assert.rejects(bert.responses.inputTokens.count({ input: [item] }), { status: 404 });
  });
});

test('input_tokens counts what the app would get, with the thread that it goes on in', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const { client } = openAiClient(served);
  const count = async (body: OpenAI.Responses.InputTokenCountParams): Promise<number> =>
    (await client.responses.inputTokens.count(body)).input_tokens;
  assert.equal(await count({}), 0);
  assert.equal(await count({ input: 'x'.repeat(40), instructions: 'y'.repeat(40) }), 20);
  const { id: conversation } = await client.conversations.create();
  const first = await client.responses.create({ input: 'x'.repeat(34), conversation });
  await client.responses.create({ input: 'y'.repeat(1000), conversation });
  // The question, the answer after "Echo: ", and what is new: not what the thread has already.
  const input: Items = [ask('z'.repeat(100)), { role: 'assistant', content: 'w' }, ask('12345678')];
  assert.equal(await count({ input, previous_response_id: first.id }), (34 + 40) / 4 + 0.5 + 2);
  assert.ok((await count({ input, conversation })) > 500);
});
