import assert from 'node:assert/strict';
import { test } from 'node:test';

import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';
import { HOURS, PLAN, TEXT, TOOL_TITLE, sayInParts } from '../../support/parts-pipeline.ts';

const { title } = HOURS;
const image = { src: `/api/v1/files/${PLAN.file_id}`, name: PLAN.name, type: 'image' };

async function say({ origin }: ServedApp, path: string): Promise<string> {
  const response = await fetch(`${origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', text: 'hello' }], contact_id: 'c:1' }),
  });
  return response.text();
}

test('sources are links under the text, files are files', async () => {
  await using served = await serveApp(sayInParts);
  assert.deepEqual(JSON.parse(await say(served, '/deep-chat')), [
    { text: TEXT },
    {
      html: `<a href="https://example.com/hours?day=monday&amp;x=1" target="_blank" rel="noopener noreferrer">${title}</a>`,
    },
    { files: [image] },
  ]);
});

test('no source runs a script in the page', async () => {
  await using served = await serveApp((ctx) => {
    const sources = [
      { url: 'javascript:alert(1)', title: 'Click <me>' },
      { url: 'https://x.example/"onmouseover="alert(1)' },
    ];
    ctx.sendEvent('comm.assistant_message', { role: 'assistant', content: 'See', sources });
  });
  const [, { html }] = JSON.parse(await say(served, '/deep-chat'));
  const address = 'https://x.example/&quot;onmouseover=&quot;alert(1)';
  assert.equal(
    html,
    `Click &lt;me&gt;<br><a href="${address}" target="_blank" rel="noopener noreferrer">${address}</a>`,
  );
});

test('a stream has files among its text, sources as a named event, and no reasoning', async () => {
  await using served = await serveApp(sayInParts, { publicUrl: 'https://chat.example' });
  const stream = await say(served, '/deep-chat/stream');
  const data = stream.split('\n').filter((line) => line.startsWith('data: '));
  assert.deepEqual(
    data.map((line) => JSON.parse(line.slice('data: '.length))),
    [
      { status: TOOL_TITLE },
      { text: 'We are open ' },
      { text: 'from 9 to 17.' },
      { sources: [HOURS] },
      { files: [{ ...image, src: `https://chat.example${image.src}` }] },
    ],
  );
  assert.deepEqual(stream.match(/^event: .*$/gm), ['event: status', 'event: sources']);
});
