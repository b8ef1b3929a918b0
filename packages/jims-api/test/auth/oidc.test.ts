import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mock, test } from 'node:test';
import { inspect, promisify } from 'node:util';

import { SignJWT, UnsecuredJWT, exportSPKI, importJWK } from 'jose';

import { type Oidc, type OidcOptions, createOidc } from '../../src/auth/oidc.ts';
import { HttpError } from '../../src/http/errors.ts';
import type { Principal } from '../../src/http/principal.ts';
import { type IssuerReply, OidcIssuer, signingKey } from '../support/oidc-issuer.ts';

const ROUND = ['/.well-known/openid-configuration', '/keys'];

function oidcAt(issuer: OidcIssuer, more: Partial<OidcOptions> = {}): Oidc {
  return createOidc({ issuer: issuer.url, audience: 'jims', ...more });
}

function contactIdOf(principal: Principal | undefined): string | undefined {
  return principal?.kind === 'contact' ? principal.contactId : undefined;
}

async function assertUnavailable(answer: Promise<unknown>, token: string): Promise<void> {
  await assert.rejects(answer, (error: unknown) => {
    assert.ok(error instanceof HttpError);
    assert.deepEqual([error.status, error.code], [503, 'auth_unavailable']);
    assert.ok(!inspect(error, { depth: 10 }).includes(token), 'the error holds the token');
    return true;
  });
}

for (const alg of ['RS256', 'PS384', 'ES256', 'EdDSA']) {
  test(`a token signed with ${alg} makes its subject a contact`, async () => {
    await using issuer = await OidcIssuer.start(await signingKey('k', alg));
    const principal = await oidcAt(issuer).check(await issuer.token());
    assert.equal(contactIdOf(principal), 'alice');
    assert.match(principal?.id ?? '', /^[0-9a-f]{32}$/);
    assert.deepEqual(issuer.requested, ROUND);
  });
}

test('only a token of this issuer, for this audience, at this time comes in', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer);
  const now = Math.floor(Date.now() / 1000);
  const refused = {
    'wrong audience': { aud: 'other' },
    'no audience': { aud: undefined },
    'another issuer': { iss: 'https://other.example' },
    'a slash more in the issuer': { iss: `${issuer.url}/` },
    expired: { exp: now - 31 },
    'without an end': { exp: undefined },
    'an end in words': { exp: 'tomorrow' },
    'not yet valid': { nbf: now + 40 },
  };
  for (const [why, changes] of Object.entries(refused)) {
    assert.equal(await oidc.check(await issuer.token(changes)), undefined, why);
  }
  for (const changes of [{ exp: now - 20 }, { nbf: now + 20 }, { aud: ['x', 'jims'] }]) {
    assert.ok(await oidc.check(await issuer.token(changes)), inspect(changes));
  }
});

test('one of several audiences is enough', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer, { audience: ['app', 'jims'] });
  assert.ok(await oidc.check(await issuer.token({ aud: 'app' })));
  assert.ok(await oidc.check(await issuer.token({ aud: ['jims', 'x'] })));
  assert.equal(await oidc.check(await issuer.token({ aud: 'ap' })), undefined);
});

test('a token that the issuer has not signed does not come in', async () => {
  const key = await signingKey('k', 'RS256');
  await using issuer = await OidcIssuer.start(key);
  const oidc = oidcAt(issuer);
  const good = await issuer.token();
  const [header, , signature] = good.split('.');
  const payload = Buffer.from(JSON.stringify(issuer.claims({ sub: 'mallory' })));
  const stolenName = await signingKey('k', 'RS256');
  const publicKey = await importJWK({ ...key.publicJwk, ext: true }, 'RS256');
  assert.ok(!(publicKey instanceof Uint8Array));
  const publicPem = new TextEncoder().encode(await exportSPKI(publicKey));
  const bad = {
    'alg none': new UnsecuredJWT(issuer.claims()).encode(),
    'the public key as a shared secret': await new SignJWT(issuer.claims())
      .setProtectedHeader({ alg: 'HS256', kid: 'k', typ: 'JWT' })
      .sign(publicPem),
    'another payload': `${header}.${payload.toString('base64url')}.${signature}`,
    'no signature': `${header}.${payload.toString('base64url')}.`,
    'another key of that name': await issuer.token({}, { key: stolenName }),
    'a key in its header': await issuer.token(
      {},
      { key: stolenName, header: { jwk: stolenName.publicJwk } },
    ),
    'a critical header that nobody knows': `${Buffer.from('{"alg":"RS256","kid":"k","crit":["x"],"x":1}').toString('base64url')}.${payload.toString('base64url')}.${signature}`,
  };
  for (const [why, token] of Object.entries(bad)) {
    assert.ok(oidc.isIssuerOf(token), why);
    assert.equal(await oidc.check(token), undefined, why);
  }
  assert.ok(await oidc.check(good));
});

test('what the issuer signs beside ID and access tokens does not come in', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer);
  for (const typ of ['logout+jwt', 'dpop+jwt', 'JWE', '']) {
    assert.equal(await oidc.check(await issuer.token({}, { header: { typ } })), undefined, typ);
  }
  for (const typ of ['jwt', 'at+jwt', 'application/at+jwt', undefined]) {
    const token = await issuer.token({}, { header: { typ } as { typ?: string } });
    assert.ok(await oidc.check(token), typ);
  }
});

test('the contact is the claim that is named, if a contact can be called so', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer, { contactClaim: 'https://jims.example/contact.id' });
  const named = async (name: unknown): Promise<string | undefined> => {
    const token = await issuer.token({ 'https://jims.example/contact.id': name });
    return contactIdOf(await oidc.check(token));
  };
  for (const good of ['telegram:7', 'Алиса 👋', 'x'.repeat(512)]) {
    assert.equal(await named(good), good);
  }
  const bad = [undefined, null, '', ' ', ' a', 'a ', 'a\n', '\u00a0a', 7, true, ['a'], { a: 1 }];
  for (const name of [...bad, 'a\u0000b', 'a\u001fb', '\ud800', 'nobody:openai', 'x'.repeat(513)]) {
    assert.equal(await named(name), undefined, inspect(name));
  }
});

test('what every object inherits is not a claim', async () => {
  await using issuer = await OidcIssuer.start();
  for (const contactClaim of ['constructor', '__proto__', 'toString']) {
    assert.equal(await oidcAt(issuer, { contactClaim }).check(await issuer.token()), undefined);
  }
});

test('an e-mail address names a contact unless the issuer says that it is unverified', async () => {
  await using issuer = await OidcIssuer.start();
  const email = 'alice@example.com';
  const byEmail = oidcAt(issuer, { contactClaim: 'email' });
  for (const verified of [undefined, true, 'true']) {
    const token = await issuer.token({ email, email_verified: verified });
    assert.equal(contactIdOf(await byEmail.check(token)), email);
  }
  for (const verified of [false, 'false', null, 0]) {
    const token = await issuer.token({ email, email_verified: verified });
    assert.equal(await byEmail.check(token), undefined, inspect(verified));
    assert.equal(contactIdOf(await oidcAt(issuer).check(token)), 'alice');
  }
});

test('a prefix keeps users apart from the contacts of services', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer, { contactPrefix: 'user:' });
  assert.equal(contactIdOf(await oidc.check(await issuer.token())), 'user:alice');
  assert.equal(await oidc.check(await issuer.token({ sub: ' alice' })), undefined);
  assert.equal(await oidc.check(await issuer.token({ sub: 'x'.repeat(508) })), undefined);
});

test('a contact keeps their id from token to token, and shares it with nobody', async () => {
  await using issuer = await OidcIssuer.start();
  await using other = await OidcIssuer.start();
  const oidc = oidcAt(issuer);
  const id = async (at: Oidc, token: string): Promise<string> => (await at.check(token))?.id ?? '';
  const alice = await id(oidc, await issuer.token({ jti: '1' }));
  assert.equal(await id(oidc, await issuer.token({ jti: '2' })), alice);
  assert.notEqual(await id(oidc, await issuer.token({ sub: 'bob' })), alice);
  assert.notEqual(await id(oidcAt(other), await other.token()), alice);
});

test('a token belongs to the issuer that it names, and to nobody when it is not a JWT', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer);
  const payload = (claims: unknown): string =>
    Buffer.from(JSON.stringify(claims)).toString('base64url');
  assert.ok(oidc.isIssuerOf(await issuer.token({ exp: 1 })));
  assert.ok(oidc.isIssuerOf(`.${payload({ iss: `${issuer.url}/` })}.`), 'a slash more');
  for (const token of [
    await issuer.token({ iss: 'https://other.example' }),
    await issuer.token({ iss: undefined }),
    `.${payload({ iss: [issuer.url] })}.`,
    `.${payload([issuer.url])}.`,
    `.${payload({ iss: issuer.url })}`,
    `.${payload({ iss: issuer.url })}...`,
    'opaque',
    'a.b.c',
    '..',
    '',
  ]) {
    assert.ok(!oidc.isIssuerOf(token), token);
  }
  assert.deepEqual(issuer.requested, []);
});

test('where the keys are need not be discovered', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer, { jwksUrl: issuer.keysUrl });
  assert.ok(await oidc.check(await issuer.token()));
  assert.deepEqual(issuer.requested, ['/keys']);
});

test('an issuer in a folder, with a slash at its end, is discovered', async () => {
  await using issuer = await OidcIssuer.start();
  const url = `${issuer.url}/realms/a/`;
  const oidc = createOidc({ issuer: url, audience: 'jims' });
  const token = await issuer.token({ iss: url });
  await assertUnavailable(oidc.check(token), token);
  assert.deepEqual(issuer.requested, ['/realms/a/.well-known/openid-configuration']);
});

test('requests at the same time share one question for the keys', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer);
  const tokens = await Promise.all(
    Array.from({ length: 100 }, (_, i) => issuer.token({ sub: `user-${i}` })),
  );
  const contacts = await Promise.all(tokens.map((token) => oidc.check(token)));
  assert.deepEqual(
    contacts.map(contactIdOf),
    tokens.map((_, i) => `user-${i}`),
  );
  assert.deepEqual(issuer.requested, ROUND);
});

test('a new key of the issuer is found, but unknown ones do not make it busy', async () => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() });
  try {
    await using issuer = await OidcIssuer.start();
    const oidc = oidcAt(issuer);
    const old = await issuer.token();
    assert.ok(await oidc.check(old));
    const [first] = issuer.keys;
    const second = await signingKey('second');
    const fresh = await issuer.token({}, { key: second });
    for (let i = 0; i < 20; i += 1) assert.equal(await oidc.check(fresh), undefined);
    assert.deepEqual(issuer.requested, ROUND);

    issuer.keys = [second];
    mock.timers.tick(10_001);
    assert.ok(await oidc.check(fresh));
    assert.equal(await oidc.check(await issuer.token({}, { key: first })), undefined);
    assert.deepEqual(issuer.requested, [...ROUND, ...ROUND]);

    mock.timers.tick(600_001);
    assert.ok(await oidc.check(await issuer.token()), 'keys are not asked for again');
    assert.equal(issuer.requested.length, 6);
  } finally {
    mock.timers.reset();
  }
});

test('known keys go on working while the issuer is away', async () => {
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer);
  const token = await issuer.token();
  assert.ok(await oidc.check(token));
  await issuer[Symbol.asyncDispose]();
  assert.ok(await oidc.check(token));
});

test('an issuer that cannot be reached is a 503', async () => {
  await using issuer = await OidcIssuer.start();
  const token = await issuer.token();
  const oidc = oidcAt(issuer);
  await issuer[Symbol.asyncDispose]();
  await assertUnavailable(oidc.check(token), token);
});

test('an issuer that is in trouble is a 503, and is asked again', async () => {
  await using other = await OidcIssuer.start();
  await using issuer = await OidcIssuer.start();
  const oidc = oidcAt(issuer, { deadlineMs: 300 });
  const token = await issuer.token();
  const keys = { keys: issuer.keys.map(({ publicJwk }) => publicJwk) };
  const discovery = { issuer: issuer.url, jwks_uri: issuer.keysUrl };
  const anywhere: IssuerReply[] = [
    { text: 'OK' },
    { text: '' },
    { text: '{"issuer"' },
    { json: [] },
    { json: null },
    { json: {} },
    { status: 404, json: { ...keys, ...discovery } },
    { status: 500, json: { ...keys, ...discovery } },
    { status: 201, json: { ...keys, ...discovery } },
    { status: 302, headers: { location: other.keysUrl }, json: { ...keys, ...discovery } },
    { drop: true },
    { hold: new Promise(() => {}) },
    { json: { ...keys, ...discovery }, stall: true },
    { json: { ...keys, ...discovery, x: 'x'.repeat(300_000) } },
  ];
  const discoveries = [
    { json: { ...discovery, issuer: other.url } },
    { json: { jwks_uri: issuer.keysUrl } },
    { json: { issuer: issuer.url } },
    { json: { ...discovery, jwks_uri: 'file:///etc/keys' } },
    { json: { ...discovery, jwks_uri: 7 } },
  ];
  const keySets = [{ json: { keys: {} } }, { json: { keys: [7] } }];
  for (const reply of [...anywhere, ...discoveries]) {
    issuer.discoveryReply = reply;
    await assertUnavailable(oidc.check(token), token);
  }
  issuer.discoveryReply = undefined;
  for (const reply of [...anywhere, ...keySets]) {
    issuer.keysReply = reply;
    await assertUnavailable(oidc.check(token), token);
  }
  issuer.keysReply = undefined;
  assert.ok(await oidc.check(token), 'the trouble was remembered');
  assert.deepEqual(other.requested, [], 'a redirect was followed');
});

test('a configuration that cannot work is refused', () => {
  const good = { issuer: 'https://auth.example/', audience: 'jims' };
  createOidc(good);
  for (const wrong of [
    { issuer: '' },
    { issuer: 'auth.example' },
    { issuer: 'ftp://auth.example' },
    { issuer: 'https://user:pw@auth.example' },
    { issuer: 'https://auth.example/?a=1' },
    { issuer: 'https://auth.example/#a' },
    { audience: '' },
    { audience: ' ' },
    { audience: [] },
    { audience: ['jims', ''] },
    { jwksUrl: '' },
    { jwksUrl: '/keys' },
    { contactClaim: '' },
    { contactClaim: ' sub' },
    { contactPrefix: ' user:' },
    { contactPrefix: 'nobody:' },
    { contactPrefix: 'a\u0000' },
    { contactPrefix: 'x'.repeat(512) },
  ]) {
    assert.throws(() => createOidc({ ...good, ...wrong }), TypeError, inspect(wrong));
  }
});

test('jose is loaded with the first token and not before', async () => {
  await using issuer = await OidcIssuer.start();
  const api = new URL('../../src/index.ts', import.meta.url).href;
  const core = import.meta.resolve('jims-core');
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({
      resolve(name, context, next) {
        if (name.startsWith('jose')) loaded.push(name);
        return next(name, context);
      },
    });
    const { createApi } = await import(${JSON.stringify(api)});
    const { defineApp } = await import(${JSON.stringify(core)});
    const [issuer, token] = process.argv.slice(1);
    const handle = createApi(defineApp(async (ctx) => {}), { oidc: { issuer, audience: 'jims' } });
    const ask = async (authorization) => {
      const request = new Request('http://x/openapi.json', { headers: { authorization } });
      console.log((await handle(request)).status, loaded.length > 0);
    };
    await ask('Bearer opaque');
    await ask('Bearer ' + token);`;
  const flags = ['--conditions=@jims/source', '--input-type=module', '--eval', script];
  const command = [...flags, issuer.url, await issuer.token()];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  assert.equal(stdout, '401 false\n200 true\n');
});
