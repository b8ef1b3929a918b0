import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startFakeOpenAI } from '../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import type {
  FakeOpenAI,
  Reply,
} from '../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import { jsonOf, parseFrames } from '../support/api.ts';
import type { TestFrame } from '../support/api.ts';
import { serveApp } from '../support/served-app.ts';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/support/app.ts', import.meta.url));
const RETURNS = { url: 'https://tents.example/help/returns', title: 'Returns' };

describe('examples/support', () => {
  let fake: FakeOpenAI;
  before(async () => {
    fake = await startFakeOpenAI();
  });
  beforeEach(() => fake.reset());
  after(() => fake.close());

  /** What the model says to a message: what kind of wish it is, then its answers. */
  function willSay(kind: string, title: string, ...answers: Reply[]): void {
    fake.reply({ json: { kind, title } }, ...answers);
  }

  const wants = (name: string, input: object): Reply => ({
    toolCalls: [{ name, arguments: input }],
  });

  test('a whole talk: greeting, an answer with its source, an order, a refund after a yes, what it cost', async () => {
    await using service = await serveApp({
      app: `export { app } from ${JSON.stringify(EXAMPLE)};`,
      env: { OPENAI_BASE_URL: fake.baseURL, OPENAI_API_KEY: 'k' },
    });
    const say = async (message: string, more: object = {}): Promise<Map<string, TestFrame[]>> => {
      const response = await fetch(`${service.origin}/api/v1/chat/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          contact_id: 'customer:42',
          message,
          include: ['thread', 'delta', 'tool', 'source', 'usage'],
          run_conversation_start_on_new_thread: true,
          ...more,
        }),
      });
      return Map.groupBy(parseFrames(await response.text()), ({ event }) => event);
    };
    const get = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
      jsonOf(await fetch(`${service.origin}/api/v1/${path}`));

    willSay('question', 'Returning a tent', wants('search_pages', { query: 'return a tent' }), {
      content: 'Yes, within 30 days.',
    });
    const answered = await say('Can I return a tent?');
    const threadId = String(answered.get('thread')?.[0]?.data['thread_id']);
    assert.deepEqual(statusesIn(answered), ['Reading your message…']);
    assert.deepEqual(toolsIn(answered), [
      'Looking into our pages: running',
      'Looking into our pages: completed',
    ]);
    assert.partialDeepStrictEqual(answered.get('source')?.[0]?.data, RETURNS);
    const deltas = answered.get('delta')?.map(({ data }) => data['delta']);
    assert.deepEqual(deltas, ['Yes,', ' within', ' 30', ' days.']);
    const searched = fake.requests.at(-1)?.body.messages;
    assert.match(searched[0].content, /^You are the support of a shop for tents/);
    assert.deepEqual(
      searched.slice(1).map(({ role }: { role: string }) => role),
      ['assistant', 'user', 'assistant', 'tool'],
    );
    assert.match(searched.at(-1).content, /You may return a tent within 30 days/);

    willSay('order', 'Where order 1042 is', wants('find_order', { number: '1042' }), {
      content: 'It is with you on Thursday.',
    });
    const order = await say('Where is my order 1042?');
    assert.deepEqual(toolsIn(order), [
      'Looking up order 1042: running',
      'Looking up order 1042: completed',
    ]);
    assert.match(fake.requests.at(-1)?.body.messages.at(-1).content, /with you on Thursday/);
    // The tools of the turn before are known, too.
    assert.match(JSON.stringify(fake.requests.at(-1)?.body.messages), /within 30 days, also when/);
    assert.equal(fake.requests.length, 6);
    assert.deepEqual(usageIn(order), [3]);

    willSay('refund', 'Refund of order 1042', wants('refund', { number: '1042' }));
    const refund = await say('Money back for 1042, please');
    const result = refund.get('result')?.[0]?.data;
    assert.equal(result?.['status'], 'waiting');
    assert.equal(Object(result?.['question']).text, 'Shall I pay €249 back?');
    assert.equal(fake.requests.length, 8);
    fake.reply({ content: 'Your 249 euros are on their way.' });
    const paid = await say('yes');
    assert.deepEqual(toolsIn(paid), [
      'Paying the money back: running',
      'Paying the money back: completed',
    ]);
    assert.equal(fake.requests.length, 9);
    assert.match(fake.requests.at(-1)?.body.messages.at(-1).content, /"refundId":"R-1"/);

    assert.equal((await get(`threads/${threadId}`))['title'], 'Refund of order 1042');
    const { events } = await get(`threads/${threadId}/events`);
    assert.ok(Array.isArray(events));
    const said = events.filter(({ event_type: type }) => type.startsWith('comm.'));
    assert.deepEqual(
      said.map(({ event_data: { content, sources } }) => [content, sources]),
      [
        ['Hello! How can I help?', undefined],
        ['Can I return a tent?', undefined],
        ['Yes, within 30 days.', [RETURNS]],
        ['Where is my order 1042?', undefined],
        ['It is with you on Thursday.', undefined],
        ['Money back for 1042, please', undefined],
        ['Shall I pay €249 back?', undefined],
        ['yes', undefined],
        ['Your 249 euros are on their way.', undefined],
      ],
    );
    assert.deepEqual(said[0].event_data.buttons[0], { text: 'Where is my order?' });
    const costs = events.filter(({ event_type: type }) => type === 'support.answered');
    assert.deepEqual(
      costs.map(({ event_data: { wish, usage } }) => [wish, usage[0].costUsd > 0]),
      [
        ['question', true],
        ['order', true],
        ['refund', true],
      ],
    );
  });
});

function statusesIn(frames: ReadonlyMap<string, TestFrame[]>): unknown[] {
  return frames.get('status')?.map(({ data }) => data['status']) ?? [];
}

function toolsIn(frames: ReadonlyMap<string, TestFrame[]>): string[] {
  const tools = frames.get('tool') ?? [];
  return tools.map(({ data: { title, status } }) => `${String(title)}: ${String(status)}`);
}

/** How many requests each model got in a run. */
function usageIn(frames: ReadonlyMap<string, TestFrame[]>): unknown[] {
  const usage = frames.get('result')?.[0]?.data['usage'];
  return Array.isArray(usage) ? usage.map(({ requests }) => requests) : [];
}
