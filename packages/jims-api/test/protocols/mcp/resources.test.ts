import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { jsonOf, testApi } from '../../support/api.ts';
import { serveApp } from '../../support/listening-app.ts';
import { statelessClient } from './stateless-client.ts';
import { postStateless } from './stateless-request.ts';

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const NOTE = { name: 'note.md', mediaType: 'text/markdown', data: Buffer.from('# Grüße') };
const CHART = { name: 'chart.png', mediaType: 'image/png', data: PIXEL };
const BIG = { name: 'big.txt', mediaType: 'text/plain', data: Buffer.alloc(600 * 1024, 'x') };
const HUGE = { ...BIG, name: 'huge.txt', data: Buffer.alloc(5 * 1024 * 1024, 'x') };

async function sendFiles(ctx: ThreadContext): Promise<void> {
  await ctx.sendMessage('', { files: [CHART, NOTE, BIG, HUGE] });
}

for (const mode of ['auto', 'legacy'] as const) {
  test(`small files are in the result, and links are read, in the mode ${mode}`, async () => {
    await using api = await serveApp(sendFiles, { allowedHosts: [] });
    const headers = { 'x-jims-contact-id': 'anna' };
    await using mcp = await statelessClient(api.origin, { mode, headers });
    const { client } = mcp;
    const call = { name: 'chat', arguments: { message: 'draw' } };
    const { content } = await client.callTool(call);
    const [chart, image, note, big, huge, ...others] = content.map((item) => Object(item));
    assert.equal(others.length, 0);
    const { mediaType: mimeType, name } = CHART;
    assert.deepEqual(chart, {
      type: 'resource_link',
      uri: chart.uri,
      name,
      mimeType,
      size: PIXEL.length,
    });
    assert.deepEqual(image, { type: 'image', data: PIXEL.toString('base64'), mimeType });
    const { uri, ...text } = note.resource;
    assert.deepEqual(text, { mimeType: NOTE.mediaType, text: '# Grüße' });
    assert.deepEqual([big.type, huge.type], ['resource_link', 'resource_link']);

    assert.deepEqual((await client.readResource({ uri })).contents, [{ uri, ...text }]);
    const read = await client.readResource({ uri: chart.uri });
    const blob = PIXEL.toString('base64');
    assert.deepEqual(read.contents, [{ uri: chart.uri, mimeType, blob }]);
    assert.equal(
      Object((await client.readResource({ uri: big.uri })).contents[0]).text.length,
      BIG.data.length,
    );
    await assert.rejects(client.readResource({ uri: huge.uri }), /get it at its address/);

    const { resources } = await client.listResources();
    assert.deepEqual(
      resources.map((each) => [each.uri, each.name, each.mimeType, each.size]),
      [CHART, NOTE, BIG, HUGE].map((file, index) => [
        [chart.uri, uri, big.uri, huge.uri][index],
        file.name,
        file.mediaType,
        file.data.length,
      ]),
    );
    const { resourceTemplates } = await client.listResourceTemplates();
    assert.equal(resourceTemplates[0]?.uriTemplate, `${api.origin}/api/v1/files/{file_id}`);

    const theirs = { 'x-jims-contact-id': 'bert' };
    await using other = await statelessClient(api.origin, { mode, headers: theirs });
    assert.deepEqual((await other.client.listResources()).resources, []);
    for (const refused of [uri, 'file:///etc/passwd']) {
      const theirRead = other.client.readResource({ uri: refused });
      await assert.rejects(theirRead, { uri: refused });
    }
  });
}

test('a contact reads four large files at once, as each is in memory until its client has taken it', async () => {
  await using api = testApi(() => {});
  const sent = await api.send('POST', '/api/v1/files?name=large.txt&contact_id=anna', {
    headers: { 'content-type': 'text/plain' },
    body: 'x'.repeat(2 * 1024 * 1024),
  });
  const { file_id: id } = await jsonOf(sent);
  const uri = `http://localhost/api/v1/files/${String(id)}`;
  const read = (contact: object): Promise<Response> =>
    postStateless(api, 'resources/read', { uri }, { headers: { 'mcp-name': uri, ...contact } });
  const anna = { 'x-jims-contact-id': 'anna' };
  const [first] = await Promise.all([1, 2, 3, 4].map(() => read(anna)));
  let isAnswered = false;
  const fifth = read(anna).then((response) => {
    isAnswered = true;
    return response;
  });
  // Each of these takes as long as that one would.
  for (let n = 0; n < 3; n++) assert.equal((await read({})).status, 200);
  assert.equal(isAnswered, false);
  await first?.body?.cancel();
  assert.equal((await fifth).status, 200);
});
