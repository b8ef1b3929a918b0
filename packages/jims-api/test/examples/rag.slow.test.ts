import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startFakeOpenAI } from '../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import type { FakeOpenAI } from '../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import { chat, serveApp } from '../support/served-app.ts';
import type { ServedApp } from '../support/served-app.ts';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/rag', import.meta.url));

describe('examples/rag', () => {
  let fake: FakeOpenAI;
  let folder: string;
  before(async () => {
    fake = await startFakeOpenAI();
  });
  beforeEach(() => {
    fake.reset();
    folder = mkdtempSync(join(tmpdir(), 'jims-rag-'));
    cpSync(join(EXAMPLE, 'texts'), join(folder, 'texts'), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  after(() => fake.close());

  function serve(): Promise<ServedApp> {
    return serveApp({
      app: `export { app } from ${JSON.stringify(join(EXAMPLE, 'app.ts'))};`,
      env: {
        OPENAI_BASE_URL: fake.baseURL,
        OPENAI_API_KEY: 'k',
        RAG_TEXTS: join(folder, 'texts'),
        RAG_INDEX: join(folder, 'rag.db'),
      },
    });
  }

  function embedded(): string[][] {
    return fake.requestsTo('/embeddings').map(({ body }) => body.input);
  }

  test('answers from the passages that fit the question, and names those that it cites', async () => {
    await using service = await serve();
    fake.reply({ content: 'A family ticket costs 20 euros [1].', path: 'chat' });
    const { body } = await chat(service.origin, 'What does a family ticket cost for two adults?', {
      include: ['usage'],
    });
    assert.deepEqual(body['assistant_messages'], ['A family ticket costs 20 euros [1].']);

    const [system, question] = fake.requestsTo('/chat/')[0]?.body.messages ?? [];
    assert.match(system.content, /\[1\] # Tickets\nAdults pay 9 euros/);
    assert.match(system.content, /\[3\] /);
    assert.equal(question.content, 'What does a family ticket cost for two adults?');

    const events = body['events'] as { event_type: string; event_data: Record<string, unknown> }[];
    const processed = events.find(({ event_type: type }) => type === 'rag.query_processed');
    assert.ok(processed);
    const [citation, ...others] = processed.event_data['citations'] as Record<string, unknown>[];
    assert.deepEqual(others, []);
    assert.equal(citation?.['number'], 1);
    assert.equal(citation['source'], 'tickets.md');
    const said = events.find(({ event_type: type }) => type === 'comm.assistant_message');
    assert.deepEqual(said?.event_data['sources'], [
      {
        url: 'https://lighthouse.example/tickets',
        title: 'Tickets',
        excerpt:
          'Adults pay 9 euros, children from 6 to 15 pay 4 euros, younger children climb for free with an adult.\nA family ticket for two adults and up to three children costs 20 euros.',
      },
    ]);
    assert.deepEqual(
      (body['usage'] as { model: string }[]).map(({ model }) => model),
      ['text-embedding-3-large', 'gpt-4.1-mini'],
    );
  });

  test('an answer that cites nothing has no sources; a page that is cited twice is one', async () => {
    for (const other of ['opening-hours.md', 'the-climb.md', 'the-lamp.md']) {
      rmSync(join(folder, 'texts', other));
    }
    await using service = await serve();
    const sourcesOf = async (content: string): Promise<unknown> => {
      fake.reply({ content, path: 'chat' });
      const { body } = await chat(
        service.origin,
        'Are tickets for adults and children sold at the gate, by card or in cash?',
      );
      const [{ event_data: data }] = body['events'] as [{ event_data: Record<string, unknown> }];
      return data['sources'];
    };
    assert.equal(await sourcesOf('I do not know [7].'), undefined);
    const sources = await sourcesOf('9 euros [1], and 20 percent off [2].');
    assert.ok(Array.isArray(sources));
    assert.deepEqual(
      sources.map(({ title }) => title),
      ['Tickets'],
    );
  });

  test('shows what it is doing', async () => {
    await using service = await serve();
    const response = await fetch(`${service.origin}/api/v1/chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ contact_id: 'c', message: 'How many steps?' }),
    });
    const types = [...(await response.text()).matchAll(/"type": "(rag\.\w+)"/g)];
    assert.deepEqual(
      types.map(([, type]) => type),
      ['rag.index', 'rag.search', 'rag.answer'],
    );
  });

  test('embeds its texts once, and later only what is new; what is gone is not found', async () => {
    {
      await using service = await serve();
      await chat(service.origin, 'How many steps?');
      await chat(service.origin, 'And the lamp?');
    }
    assert.deepEqual(
      embedded().map((texts) => texts.length),
      [8, 1, 1],
    );
    fake.reset();
    rmSync(join(folder, 'texts', 'the-climb.md'));
    writeFileSync(join(folder, 'texts', 'cafe.md'), '# Café\n\nThe café sells cinnamon buns.\n');
    await using service = await serve();
    await chat(service.origin, 'cinnamon buns stairs steps');
    assert.deepEqual(embedded()[0], ['# Café\nThe café sells cinnamon buns.']);
    const [system] = fake.requestsTo('/chat/')[0]?.body.messages ?? [];
    assert.match(system.content, /\[1\] # Café/);
    assert.doesNotMatch(system.content, /184 steps/);
  });

  test('texts that cannot be embedded now are embedded by the next question', async () => {
    await using service = await serve();
    fake.fail({ status: 400, path: 'embeddings' });
    assert.equal((await chat(service.origin, 'How many steps?')).status, 500);
    assert.equal((await chat(service.origin, 'How many steps?')).status, 200);
  });
});
