import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createAuthenticate, unauthorized } from '../../../src/http/auth/authenticate.ts';
import { AuthentikServer } from '../../support/authentik-server.ts';

function request(authorization?: string): Request {
  return new Request('http://localhost/', authorization ? { headers: { authorization } } : {});
}

test('with nothing configured everyone comes in as the open service', async () => {
  const authenticate = createAuthenticate({ apiKeys: [] });
  assert.deepEqual(await authenticate(request()), { kind: 'service', id: 'open' });
  assert.deepEqual(await authenticate(request('Basic x')), { kind: 'service', id: 'open' });
});

test('with a key only its bearer comes in', async () => {
  const authenticate = createAuthenticate({ apiKeys: ['key'] });
  assert.equal((await authenticate(request('Bearer key')))?.kind, 'service');
  for (const authorization of [undefined, 'Bearer wrong', 'key', 'Bearer  key']) {
    assert.equal(await authenticate(request(authorization)), undefined, authorization);
  }
});

test('Authentik is asked for a token that is no static key, and for nothing else', async () => {
  await using authentik = await AuthentikServer.start({ good: { json: { passing: true } } });
  const authenticate = createAuthenticate({
    apiKeys: ['key'],
    authentik: { url: authentik.url, slug: 'app' },
  });
  assert.ok(await authenticate(request('Bearer key')));
  assert.equal(await authenticate(request()), undefined);
  assert.equal(await authenticate(request('Basic good')), undefined);
  assert.equal(authentik.questions.length, 0);
  assert.ok(await authenticate(request('bearer good')));
  assert.equal(await authenticate(request('Bearer bad')), undefined);
  assert.deepEqual(
    authentik.questions.map((question) => question.authorization),
    ['Bearer good', 'Bearer bad'],
  );
});

test('a static key comes in while Authentik is away', async () => {
  const authentik = await AuthentikServer.start();
  const { url } = authentik;
  await authentik[Symbol.asyncDispose]();
  const authenticate = createAuthenticate({ apiKeys: ['key'], authentik: { url, slug: 'app' } });
  assert.ok(await authenticate(request('Bearer key')));
  await assert.rejects(authenticate(request('Bearer other')), { status: 503 });
});

test('what must be known before Authentik is asked can stop the question', async () => {
  await using authentik = await AuthentikServer.start({ good: { json: { passing: true } } });
  const authenticate = createAuthenticate({
    apiKeys: ['key'],
    authentik: { url: authentik.url, slug: 'app' },
  });
  const brokenBody = (): Promise<never> => Promise.reject(new SyntaxError('broken body'));
  await assert.rejects(authenticate(request('Bearer good'), brokenBody), SyntaxError);
  assert.deepEqual(authentik.questions, []);
  assert.equal(await authenticate(request(), brokenBody), undefined);
  assert.ok(await authenticate(request('Bearer key'), brokenBody));
});

test('a configuration that would lock everyone out is refused', () => {
  assert.throws(() => createAuthenticate({ apiKeys: [''] }), TypeError);
  assert.throws(
    () => createAuthenticate({ apiKeys: [], authentik: { url: '', slug: 'app' } }),
    TypeError,
  );
  assert.throws(
    () => createAuthenticate({ apiKeys: ['k'], authentik: { url: 'http://a.example', slug: '' } }),
    TypeError,
  );
});

test('a refusal names the scheme that is wanted', () => {
  const { status, detail, headers } = unauthorized();
  assert.deepEqual(
    { status, detail, headers },
    { status: 401, detail: 'Unauthorized', headers: { 'www-authenticate': 'Bearer' } },
  );
});
