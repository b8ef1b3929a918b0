import assert from 'node:assert/strict';
import { test } from 'node:test';

import { testApi } from '../support/api.ts';

/** A piece holds what it was read into. */
const READ = 32 * 1024;
const PIECES = 20_000;
const MOST_BYTES = 300 * 1024 * 1024;
const FORM = 'multipart/form-data; boundary=x';
const MESSAGE = '{"text":"Hi"}';

for (const [what, path, type, before, after] of [
  ['JSON', '/api/v1/chat', 'application/json', '{"contact_id":"c","message":"Hi"', '}'],
  [
    'a form',
    '/deep-chat',
    FORM,
    '--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n',
    `\r\n--x\r\nContent-Disposition: form-data; name="message1"\r\n\r\n${MESSAGE}\r\n--x--\r\n`,
  ],
] as const) {
  test(`${what} in tiny pieces takes about as much memory as it has bytes`, async () => {
    await using api = testApi((ctx) => ctx.sendMessage('Hello'));
    const first = process.memoryUsage().arrayBuffers;
    let most = 0;
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(before);
      for (let n = 1; n <= PIECES; n++) {
        yield Buffer.alloc(READ, ' ').subarray(0, 1);
        if (n % 1000 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - first);
      }
      yield Buffer.from(after);
    }
    const body = ReadableStream.from(pieces());
    const headers = { 'content-type': type };
    const request = { headers, body, duplex: 'half' as const };
    const response = await api.send('POST', path, request);
    assert.equal(response.status, 200, await response.text());
    assert.ok(most < MOST_BYTES, `${most}`);
  });
}
