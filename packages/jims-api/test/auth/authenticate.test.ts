import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createAuthenticate, unauthorized } from '../../src/auth/authenticate.ts';
import { AuthentikServer } from '../support/authentik-server.ts';
import { OidcIssuer } from '../support/oidc-issuer.ts';

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

test('Authentik is asked about a token that is not a static key, and about nothing else', async () => {
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

test('a key is tried first, then the issuer of a token, then Authentik', async () => {
  await using issuer = await OidcIssuer.start();
  const token = await issuer.token();
  const foreign = await issuer.token({ iss: 'https://other.example' });
  await using authentik = await AuthentikServer.start({
    opaque: { json: { passing: true } },
    [foreign]: { json: { passing: true } },
  });
  const authenticate = createAuthenticate({
    apiKeys: ['key'],
    oidc: { issuer: issuer.url, audience: 'jims' },
    authentik: { url: authentik.url, slug: 'app' },
  });
  const kind = async (bearer: string): Promise<string | undefined> =>
    (await authenticate(request(`Bearer ${bearer}`)))?.kind;
  assert.equal(await kind('key'), 'service');
  assert.deepEqual(issuer.requested, []);
  assert.equal(await kind(token), 'contact');
  assert.deepEqual(authentik.questions, []);
  assert.equal(await kind('opaque'), 'service');
  assert.equal(await kind(foreign), 'service');
  assert.equal(authentik.questions.length, 2);
});

test('a token of the issuer is never shown to Authentik, however bad it is', async () => {
  await using authentik = await AuthentikServer.start();
  await using issuer = await OidcIssuer.start();
  const options = {
    apiKeys: [],
    oidc: { issuer: issuer.url, audience: 'jims' },
    authentik: { url: authentik.url, slug: 'app' },
  };
  const authenticate = createAuthenticate(options);
  const bad = [
    await issuer.token({ exp: 1 }),
    await issuer.token({ aud: 'other' }),
    await issuer.token({ iss: `${issuer.url}/` }),
    `${await issuer.token()}x`,
  ];
  for (const token of bad) {
    assert.equal(await authenticate(request(`Bearer ${token}`)), undefined, token);
  }
  const good = await issuer.token();
  await issuer[Symbol.asyncDispose]();
  const away = createAuthenticate(options);
  await assert.rejects(away(request(`Bearer ${good}`)), { status: 503 });
  assert.deepEqual(authentik.questions, []);
});

test('with an issuer alone everything but its tokens is refused', async () => {
  await using issuer = await OidcIssuer.start();
  const authenticate = createAuthenticate({
    apiKeys: [],
    oidc: { issuer: issuer.url, audience: 'jims' },
  });
  assert.equal((await authenticate(request(`Bearer ${await issuer.token()}`)))?.kind, 'contact');
  for (const authorization of [undefined, 'Bearer x', `Basic ${await issuer.token()}`]) {
    assert.equal(await authenticate(request(authorization)), undefined, authorization);
  }
});

test('old and new keys work side by side while clients change over', async () => {
  const authenticate = createAuthenticate({ apiKeys: ['old key', 'new key'] });
  const [before, after] = [
    await authenticate(request('Bearer old key')),
    await authenticate(request('Bearer new key')),
  ];
  assert.deepEqual([before?.kind, after?.kind], ['service', 'service']);
  assert.notEqual(before?.id, after?.id);
});

test('a configuration that would lock everyone out is refused', () => {
  assert.throws(() => createAuthenticate({ apiKeys: [''] }), TypeError);
  assert.throws(
    () => createAuthenticate({ apiKeys: [], authentik: { url: '', slug: 'app' } }),
    TypeError,
  );
  assert.throws(
    () =>
      createAuthenticate({ apiKeys: ['k'], oidc: { issuer: 'https://a.example', audience: [] } }),
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
