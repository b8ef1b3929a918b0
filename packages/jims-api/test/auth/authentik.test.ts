import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect, promisify } from 'node:util';

import { type AuthentikOptions, createAuthentik } from '../../src/auth/authentik.ts';
import { HttpError } from '../../src/http/errors.ts';
import type { TokenCheck } from '../../src/http/principal.ts';
import { AuthentikServer } from '../support/authentik-server.ts';

const PASSING = { json: { passing: true } };

function checkAt(authentik: AuthentikServer, more: Partial<AuthentikOptions> = {}): TokenCheck {
  return createAuthentik({ url: authentik.url, slug: 'my-app', ...more });
}

async function assertUnavailable(answer: Promise<unknown>, token: string): Promise<void> {
  await assert.rejects(answer, (error: unknown) => {
    assert.ok(error instanceof HttpError);
    assert.deepEqual([error.status, error.code], [503, 'auth_unavailable']);
    assert.ok(!inspect(error, { depth: 10 }).includes(token), 'the error holds the token');
    return true;
  });
}

test('the caller’s token asks for access to the application', async () => {
  await using authentik = await AuthentikServer.start({ good: PASSING });
  const principal = await checkAt(authentik)('good');
  assert.equal(principal?.kind, 'service');
  assert.match(principal.id, /^[0-9a-f]{8}$/);
  assert.deepEqual(authentik.questions, [
    {
      method: 'GET',
      path: '/api/v3/core/applications/my-app/check_access/',
      authorization: 'Bearer good',
    },
  ]);
});

test('only status 200 and the value true let in', async () => {
  await using authentik = await AuthentikServer.start({
    extra: { json: { passing: true, log_messages: [{ a: 1 }] } },
    html: { headers: { 'content-type': 'text/html' }, text: '{"passing": true}' },
    long: { json: { passing: true, messages: ['x'.repeat(60_000)] } },
    no: { json: { passing: false } },
    bare: { json: {} },
    one: { json: { passing: 1 } },
    word: { json: { passing: 'true' } },
    created: { status: 201, ...PASSING },
    nothing: { status: 204, text: '' },
    moved: { status: 302, headers: { location: '/elsewhere' }, ...PASSING },
    forbidden: { status: 403, ...PASSING },
  });
  const check = checkAt(authentik);
  for (const token of ['extra', 'html', 'long']) assert.ok(await check(token), token);
  const refused = [
    'no',
    'bare',
    'one',
    'word',
    'created',
    'nothing',
    'moved',
    'forbidden',
    'other',
  ];
  for (const token of refused) assert.equal(await check(token), undefined, token);
  assert.equal(authentik.questions.length, 12, 'a redirect was followed');
});

test('an answer that is neither yes nor no is a 503, and the next request asks again', async () => {
  await using authentik = await AuthentikServer.start({
    'text-token': { text: 'OK' },
    'half-token': { text: '{"passing": true' },
    'empty-token': { text: '' },
    'list-token': { json: [] },
    'null-token': { json: null },
    'error-token': { status: 500, ...PASSING },
    'later-token': { status: 503, text: 'later' },
    'limit-token': { status: 429, text: 'slow down' },
    'drop-token': { drop: true },
    'long-token': { json: { passing: true, messages: ['x'.repeat(70_000)] } },
  });
  const check = checkAt(authentik, { cacheSeconds: 30 });
  for (const token of authentik.replies.keys()) {
    await assertUnavailable(check(token), token);
    authentik.replies.set(token, PASSING);
    assert.ok(await check(token), `${token}: the trouble was remembered`);
  }
});

test('a server that cannot be reached is a 503', async () => {
  const authentik = await AuthentikServer.start();
  const check = checkAt(authentik);
  await authentik[Symbol.asyncDispose]();
  await assertUnavailable(check('some-token'), 'some-token');
});

test('an answer that does not come in time is a 503', async () => {
  await using authentik = await AuthentikServer.start({
    'stuck-token': { hold: new Promise(() => {}) },
  });
  await assertUnavailable(checkAt(authentik, { deadlineMs: 30 })('stuck-token'), 'stuck-token');
});

test('a token that no header can carry is refused without asking', async () => {
  await using authentik = await AuthentikServer.start();
  const check = checkAt(authentik);
  for (const token of ['ключ', 'a\u0001b', 'a\tb']) assert.equal(await check(token), undefined);
  assert.deepEqual(authentik.questions, []);
});

test('without a cache every request asks', async () => {
  await using authentik = await AuthentikServer.start({ good: PASSING });
  const check = checkAt(authentik);
  await check('good');
  await check('good');
  assert.equal(authentik.questions.length, 2);
});

test('with a cache a verdict is trusted for its time, a denial for five seconds', async () => {
  let now = 0;
  await using authentik = await AuthentikServer.start({ good: PASSING });
  const check = checkAt(authentik, { cacheSeconds: 30, now: () => now });
  const questions = (): (string | undefined)[] =>
    authentik.questions.splice(0).map((question) => question.authorization);

  assert.ok(await check('good'));
  assert.equal(await check('bad'), undefined);
  assert.deepEqual(questions(), ['Bearer good', 'Bearer bad']);
  now = 4999;
  assert.ok(await check('good'));
  assert.equal(await check('bad'), undefined);
  assert.deepEqual(questions(), []);
  now = 5000;
  await check('good');
  await check('bad');
  assert.deepEqual(questions(), ['Bearer bad']);
  now = 30_000;
  await check('good');
  assert.deepEqual(questions(), ['Bearer good']);
});

test('requests with one token at the same time share one question', async () => {
  await using authentik = await AuthentikServer.start({ good: PASSING });
  const check = checkAt(authentik);
  const principals = await Promise.all(Array.from({ length: 100 }, () => check('good')));
  assert.ok(principals.every((principal) => principal !== undefined));
  assert.equal(authentik.questions.length, 1);
});

test('at most 32 questions go out at once, 16 of them for tokens that were never let in', async () => {
  const tokens = Array.from({ length: 40 }, (_, i) => `token-${i}`);
  await using authentik = await AuthentikServer.start();
  const check = checkAt(authentik);
  /** Asks about all tokens while Authentik holds its answers until `count` questions have arrived. */
  async function askAll(count: number): Promise<void> {
    const gate = Promise.withResolvers<void>();
    for (const token of tokens) authentik.replies.set(token, { ...PASSING, hold: gate.promise });
    const answers = Promise.all(tokens.map((token) => check(token)));
    await authentik.asked(count);
    await delay(20);
    gate.resolve();
    assert.ok((await answers).every((principal) => principal !== undefined));
  }
  await askAll(16);
  assert.equal(authentik.mostAtOnce, 16);
  await askAll(40 + 32);
  assert.equal(authentik.mostAtOnce, 32);
  assert.equal(authentik.questions.length, 80);
});

test('a crowd of unknown tokens delays no caller that was let in before', async () => {
  const gate = Promise.withResolvers<void>();
  const crowd = Array.from({ length: 40 }, (_, i) => `random-${i}`);
  await using authentik = await AuthentikServer.start({
    good: PASSING,
    ...Object.fromEntries(crowd.map((token) => [token, { status: 403, hold: gate.promise }])),
  });
  const check = checkAt(authentik);
  assert.ok(await check('good'));
  const answers = crowd.map((token) => check(token));
  const late = Promise.allSettled(answers.slice(16));
  await authentik.asked(17);
  assert.ok(await check('good'), 'while the crowd waits');
  for (const answer of await late) assert.equal(answer.status, 'rejected');
  gate.resolve();
  assert.deepEqual(await Promise.all(answers.slice(0, 16)), Array(16).fill(undefined));
});

test('a question that never got a connection also ends at its deadline', async () => {
  const stuck = { hold: new Promise(() => {}) };
  const tokens = Array.from({ length: 33 }, (_, i) => `token-${i}`);
  await using authentik = await AuthentikServer.start(
    Object.fromEntries(tokens.map((token) => [token, stuck])),
  );
  const check = checkAt(authentik, { deadlineMs: 30 });
  await Promise.all(tokens.map((token) => assertUnavailable(check(token), token)));
});

test('the address is made of the URL without its last slash and the encoded slug', async () => {
  await using authentik = await AuthentikServer.start({ good: PASSING });
  for (const [url, slug] of [
    ['/', 'my app/../x?y#z'],
    ['/prefix//', 'a'],
    ['', 'é'],
  ] as const) {
    await createAuthentik({ url: authentik.url + url, slug })('good');
  }
  assert.deepEqual(
    authentik.questions.map((question) => question.path),
    [
      '/api/v3/core/applications/my%20app%2F..%2Fx%3Fy%23z/check_access/',
      '/prefix/api/v3/core/applications/a/check_access/',
      '/api/v3/core/applications/%C3%A9/check_access/',
    ],
  );
});

test('a configuration that cannot work is refused', () => {
  const good = { url: 'https://auth.example', slug: 'app' };
  for (const wrong of [
    { url: '' },
    { url: 'auth.example' },
    { url: 'ftp://auth.example' },
    { url: 'https://user:pw@auth.example' },
    { url: 'https://auth.example/?a=1' },
    { slug: '' },
    { slug: '.' },
    { slug: '..' },
    { contactClaim: '' },
    { contactClaim: 'sub', contactPrefix: ' ' },
    { cacheSeconds: -1 },
    { cacheSeconds: Number.NaN },
  ]) {
    assert.throws(() => createAuthentik({ ...good, ...wrong }), TypeError, inspect(wrong));
  }
});

const USERINFO = '/application/o/userinfo/';
const ALICE = { json: { sub: 'a1', preferred_username: 'alice', email: 'alice@example.com' } };

test('with a contact claim the caller is the contact that Authentik’s userinfo names', async () => {
  await using authentik = await AuthentikServer.start({ good: PASSING }, { good: ALICE });
  const principal = await checkAt(authentik, { contactClaim: 'preferred_username' })('good');
  assert.ok(principal?.kind === 'contact');
  assert.equal(principal.contactId, 'alice');
  assert.match(principal.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(
    authentik.questions.map(({ method, path, authorization }) => [method, path, authorization]),
    [
      ['GET', '/api/v3/core/applications/my-app/check_access/', 'Bearer good'],
      ['GET', USERINFO, 'Bearer good'],
    ],
  );
});

test('a contact keeps their id when their token changes', async () => {
  await using authentik = await AuthentikServer.start(
    { old: PASSING, new: PASSING, bob: PASSING },
    { old: ALICE, new: ALICE, bob: { json: { sub: 'b2' } } },
  );
  const check = checkAt(authentik, { contactClaim: 'sub', contactPrefix: 'user:' });
  const [before, after, bob] = [await check('old'), await check('new'), await check('bob')];
  assert.deepEqual(before, after);
  assert.notEqual(bob?.id, after?.id);
  assert.ok(bob?.kind === 'contact' && bob.contactId === 'user:b2');
});

test('for a caller that may not use the application no name is requested', async () => {
  await using authentik = await AuthentikServer.start(
    { no: { json: { passing: false } } },
    { no: ALICE, unknown: ALICE },
  );
  const check = checkAt(authentik, { contactClaim: 'sub' });
  for (const token of ['no', 'unknown']) assert.equal(await check(token), undefined, token);
  assert.ok(authentik.questions.every(({ path }) => path !== USERINFO));
});

test('a token without a usable name is refused', async () => {
  const users = {
    missing: { json: { preferred_username: 'alice' } },
    empty: { json: { sub: '' } },
    padded: { json: { sub: ' a' } },
    number: { json: { sub: 7 } },
    // What Authentik says to an API token, and to a token without the scope openid.
    denied: { status: 401, text: '' },
    scopeless: { status: 403, text: '' },
    moved: { status: 302, headers: { location: USERINFO }, ...ALICE },
  };
  const tokens = Object.keys(users);
  const replies = Object.fromEntries(tokens.map((token) => [token, PASSING]));
  await using authentik = await AuthentikServer.start(replies, users);
  const check = checkAt(authentik, { contactClaim: 'sub' });
  for (const token of tokens) assert.equal(await check(token), undefined, token);
  assert.equal(authentik.questions.length, tokens.length * 2, 'a redirect was followed');
});

test('a name that Authentik cannot give is a 503, and the next request asks again', async () => {
  const users = {
    'text-token': { text: 'OK' },
    'list-token': { json: [] },
    'error-token': { status: 500, ...ALICE },
    'limit-token': { status: 429, ...ALICE },
    'drop-token': { drop: true },
    'long-token': { json: { sub: 'a', x: 'x'.repeat(70_000) } },
    'stuck-token': { hold: new Promise(() => {}) },
  };
  const replies = Object.fromEntries(Object.keys(users).map((token) => [token, PASSING]));
  await using authentik = await AuthentikServer.start(replies, users);
  const check = checkAt(authentik, { contactClaim: 'sub', cacheSeconds: 30, deadlineMs: 300 });
  for (const token of authentik.users.keys()) {
    await assertUnavailable(check(token), token);
    authentik.users.set(token, ALICE);
    assert.ok(await check(token), `${token}: the trouble was remembered`);
  }
});

test('a name is remembered with its verdict, and many requests ask for it once', async () => {
  let now = 0;
  await using authentik = await AuthentikServer.start(
    { good: PASSING, nameless: PASSING },
    { good: ALICE, nameless: { json: {} } },
  );
  const options = { contactClaim: 'sub', cacheSeconds: 30, now: () => now };
  const check = checkAt(authentik, options);
  const principals = await Promise.all(Array.from({ length: 100 }, () => check('good')));
  assert.equal(authentik.questions.length, 2);
  assert.equal(await check('nameless'), undefined);
  now = 4999;
  assert.deepEqual(await check('good'), principals[0]);
  assert.equal(await check('nameless'), undefined);
  assert.equal(authentik.questions.length, 4);
  now = 5000;
  await check('nameless');
  assert.equal(authentik.questions.length, 6);
  now = 30_000;
  await check('good');
  assert.equal(authentik.questions.length, 8);
});

test('the token does not travel through a proxy that the environment names', async () => {
  await using authentik = await AuthentikServer.start({ good: PASSING });
  await using proxy = await AuthentikServer.start({ good: PASSING });
  const source = new URL('../../src/auth/authentik.ts', import.meta.url).href;
  const script = `
    const { createAuthentik } = await import(${JSON.stringify(source)});
    await createAuthentik({ url: ${JSON.stringify(authentik.url)}, slug: 'a' })('good');`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url, NO_PROXY: '' },
  });
  assert.deepEqual([authentik.questions.length, proxy.questions.length], [1, 0]);
});
