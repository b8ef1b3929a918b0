import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

import { createAdaptorServer } from '@hono/node-server';

import { localPort } from '../../../jims-core/test/support/local-port.ts';
import { bearerToken } from '../../src/auth/bearer.ts';

function tokenOf(authorization: string): string | undefined {
  return bearerToken(new Headers({ authorization }));
}

test('the token is what follows the scheme and one space', () => {
  assert.equal(tokenOf('Bearer s3cret-Key_1'), 's3cret-Key_1');
  assert.equal(tokenOf('Bearer two words'), 'two words');
  assert.equal(tokenOf('Bearer "quoted"'), '"quoted"');
  assert.equal(tokenOf('Bearer a,b'), 'a,b');
});

test('the scheme may have any letter case', () => {
  assert.equal(tokenOf('bearer key'), 'key');
  assert.equal(tokenOf('BEARER key'), 'key');
});

test('spaces around the header value do not count', () => {
  assert.equal(tokenOf('  Bearer key   '), 'key');
});

test('no other form of the header gives a token', () => {
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    'Bearer  key',
    'Bearer\tkey',
    'Bearerkey',
  ]) {
    assert.equal(tokenOf(authorization), undefined, `"${authorization}"`);
  }
  assert.equal(bearerToken(new Headers()), undefined);
});

test('no other scheme gives a token', () => {
  for (const authorization of [
    'key',
    'Basic key',
    'Token key',
    'Basic Bearer key',
    'XBearer key',
  ]) {
    assert.equal(tokenOf(authorization), undefined, `"${authorization}"`);
  }
});

test('a repeated header gives no token', () => {
  for (const [first, second] of [
    ['Bearer key', 'Bearer wrong'],
    ['Bearer key', 'Bearer key'],
    ['Bearer key', ''],
    ['', 'Bearer key'],
  ] as const) {
    const headers = new Headers([
      ['authorization', first],
      ['authorization', second],
    ]);
    assert.equal(bearerToken(headers), undefined, `"${first}" and "${second}"`);
  }
});

test('bytes outside ASCII are read as UTF-8, and refused where they are not UTF-8', () => {
  assert.equal(tokenOf(`Bearer ${Buffer.from('ключ').toString('latin1')}`), 'ключ');
  assert.equal(tokenOf('Bearer cl\u00e9'), undefined);
});

test('what arrives over a socket is read by the same rules', async () => {
  const server = createAdaptorServer({
    fetch: (request) => Response.json(bearerToken(request.headers) ?? null),
  });
  const port = await localPort(server);

  async function tokenSeen(...authorization: string[]): Promise<unknown> {
    const lines = ['GET / HTTP/1.1', 'Host: localhost', 'Connection: close'];
    const socket = connect(port, '127.0.0.1');
    socket.end([...lines, ...authorization, '', ''].join('\r\n'));
    const answer = await text(socket);
    return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
  }

  try {
    assert.equal(await tokenSeen('Authorization: Bearer ключ  '), 'ключ');
    assert.equal(await tokenSeen('Authorization: Bearer key'), 'key');
    assert.equal(await tokenSeen('Authorization: Bearer key', 'authorization: Bearer key'), null);
    assert.equal(await tokenSeen('Authorization: Bearer key', 'Authorization:'), null);
    assert.equal(await tokenSeen('Authorization:'), null);
  } finally {
    server.close();
  }
});
