import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';

import { startFakeOpenAI } from '../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import type { FakeOpenAI } from '../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import { chat, serveApp } from '../support/served-app.ts';
import type { ServedApp } from '../support/served-app.ts';

const EXAMPLE = new URL('../../../../examples/llm-chat/app.ts', import.meta.url);

describe('examples/llm-chat', () => {
  let fake: FakeOpenAI;
  before(async () => {
    fake = await startFakeOpenAI();
  });
  beforeEach(() => fake.reset());
  after(() => fake.close());

  function serve(env: Readonly<Record<string, string>>): Promise<ServedApp> {
    return serveApp({
      app: readFileSync(EXAMPLE, 'utf8'),
      env,
    });
  }

  test('answers with what was said before in mind, and shows what it cost', async () => {
    await using service = await serve({ OPENAI_BASE_URL: fake.baseURL, OPENAI_API_KEY: 'k' });
    const first = await chat(service.origin, 'My name is Ada.', {
      run_conversation_start_on_new_thread: true,
    });
    assert.deepEqual(first.body['assistant_messages'], ['echo: My name is Ada.']);
    const { body } = await chat(service.origin, 'Who am I?', { include: ['usage'] });
    assert.deepEqual(fake.requests[1]?.body.messages.slice(1), [
      { role: 'assistant', content: 'Hello! What would you like to know?' },
      { role: 'user', content: 'My name is Ada.' },
      { role: 'assistant', content: 'echo: My name is Ada.' },
      { role: 'user', content: 'Who am I?' },
    ]);
    const [usage] = body['usage'] as Record<string, unknown>[];
    assert.equal(usage?.['model'], 'gpt-4.1-mini');
    assert.equal(usage['requests'], 1);
    assert.ok(Number(usage['prompt_tokens']) > 0 && Number(usage['completion_tokens']) > 0);
    assert.ok(Number(usage['cost_usd']) > 0);
  });

  test('streams the pieces to clients that ask for them', async () => {
    await using service = await serve({ OPENAI_BASE_URL: fake.baseURL, OPENAI_API_KEY: 'k' });
    const response = await fetch(`${service.origin}/api/v1/chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ contact_id: 'c', message: 'one two', include: ['delta'] }),
    });
    const text = await response.text();
    const deltas = [...text.matchAll(/event: delta\ndata: (.*)/g)].map(
      ([, data]): unknown => JSON.parse(data ?? '').delta,
    );
    assert.deepEqual(deltas, ['echo:', ' one', ' two']);
    assert.match(text, /event: status\ndata: \{"status": "Thinking\\u2026"/);
  });

  test('another MODEL asks another provider', async () => {
    await using service = await serve({
      MODEL: 'anthropic/claude-sonnet-5',
      ANTHROPIC_API_BASE: fake.url,
      ANTHROPIC_API_KEY: 'k',
    });
    const { body } = await chat(service.origin, 'Hello');
    assert.deepEqual(body['assistant_messages'], ['echo: Hello']);
    assert.equal(fake.requests[0]?.path, '/v1/messages');
  });

  test('without a key the log says which variable is missing, the client gets a 500', async () => {
    await using service = await serve({});
    const { status } = await chat(service.origin, 'my-secret-question');
    assert.equal(status, 500);
    await service.stop();
    assert.match(service.output, /Models of openai need OPENAI_API_KEY/);
    assert.doesNotMatch(service.output, /my-secret-question/);
  });
});
