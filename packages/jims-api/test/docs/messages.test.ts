// The page about what a message can have: what it shows runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeModels } from '../../../jims-core/test/support/fake-models.ts';
import { parseFrames } from '../support/api.ts';
import { chat, serveApp } from '../support/served-app.ts';
import { codeBlocks } from './code-blocks.ts';

const [searches = '', aiSdk = '', openai = ''] = codeBlocks('docs/messages.md', 'ts');

test('docs/messages.md: its first app answers with sources, and shows its tool', async () => {
  await using served = await serveApp({ app: searches });
  const response = await fetch(`${served.origin}/api/v1/chat/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      contact_id: 'c',
      message: 'When are you open?',
      include: ['tool', 'source'],
    }),
  });
  const frames = parseFrames(await response.text());
  assert.deepEqual(
    frames.map(({ event, data }) => [event, data['status'] ?? data['url']]),
    [
      ['tool', 'running'],
      ['tool', 'completed'],
      ['source', 'https://shop.example/hours'],
      ['result', undefined],
    ],
  );
  assert.deepEqual(frames.at(-1)?.data['events'], [
    {
      event_type: 'comm.assistant_message',
      event_data: {
        role: 'assistant',
        content: 'We are open from 9 to 17. ',
        sources: [{ url: 'https://shop.example/hours', title: 'Opening hours' }],
      },
    },
  ]);
});

for (const [library, app] of Object.entries({ 'the AI SDK': aiSdk, openai })) {
  test(`docs/messages.md: a stream of ${library} is an answer`, async () => {
    await using models = await fakeModels();
    await using served = await serveApp({ app, env: models.env });
    const answered = await chat(served.origin, 'one two three');
    assert.deepEqual(answered.body['assistant_messages'], ['echo: one two three']);
  });
}
