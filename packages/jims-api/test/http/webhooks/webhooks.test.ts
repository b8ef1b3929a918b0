import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';

import type { SendResult } from 'jims-core/host';

import { localPort } from '../../../../jims-core/test/support/local-port.ts';
import { WebhookSignatures } from '../../../src/http/webhooks/webhook-signatures.ts';
import { Webhooks } from '../../../src/http/webhooks/webhooks.ts';
import { webhookReceiver } from '../../support/webhook-receiver.ts';

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }];

function send(webhooks: Webhooks, url: string, body = '{"a":"ü"}'): Promise<SendResult> {
  const message = { url, body, headers: { 'content-type': 'application/json', 'x-own': 'mine' } };
  return webhooks.send(message, { id: 'delivery-1', signal: new AbortController().signal });
}

function reasonOf(result: SendResult): string {
  assert.equal(result.kind, 'failed');
  return result.reason;
}

function secret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** As the specification of Standard Webhooks says. */
function isSignedBy(key: string, headers: NodeJS.Dict<string | string[]>, body: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = headers;
  assert.ok(Math.abs(Number(at) - Date.now() / 1000) < 60);
  const bytes = Buffer.from(key.slice('whsec_'.length), 'base64');
  const own = createHmac('sha256', bytes).update(`${String(id)}.${String(at)}.${body}`);
  return String(signatures)
    .split(' ')
    .includes(`v1,${own.digest('base64')}`);
}

test('a message arrives as it is, signed with each secret', async () => {
  await using receiver = await webhookReceiver();
  const secrets = [secret(), secret()];
  const webhooks = new Webhooks({ hosts: ['localhost'], secrets });
  assert.deepEqual(await send(webhooks, receiver.url), { kind: 'sent' });
  const [{ method, path, headers, body } = assert.fail()] = receiver.arrived;
  assert.deepEqual([method, path, body], ['POST', '/hook', '{"a":"ü"}']);
  assert.deepEqual([headers['x-own'], headers['webhook-id']], ['mine', 'delivery-1']);
  assert.equal(headers.host, `localhost:${receiver.port}`);
  for (const key of secrets) assert.ok(isSignedBy(key, headers, body));
  assert.ok(!isSignedBy(secret(), headers, body));
});

test('a message without secrets is not signed, and has its id', async () => {
  await using receiver = await webhookReceiver();
  await send(new Webhooks({ hosts: ['localhost'] }), receiver.url);
  const { headers } = receiver.arrived[0] ?? assert.fail();
  assert.deepEqual(
    [headers['webhook-id'], headers['webhook-signature']],
    ['delivery-1', undefined],
  );
});

test('a secret that is not valid is refused, and never shown', () => {
  for (const bad of [
    '',
    'whsec_',
    'whsec_c2hvcnQ=',
    randomBytes(32).toString('base64'),
    `whsec_${'A'.repeat(100)}`,
  ]) {
    const refuses = (error: unknown): boolean =>
      error instanceof TypeError && (bad === '' || !error.message.includes(bad.slice(6) || '\0'));
    assert.throws(() => new WebhookSignatures([bad]), refuses);
  }
});

test('a name that comes to stand for a private address is not sent to', async () => {
  await using receiver = await webhookReceiver();
  const webhooks = new Webhooks({ hosts: ['*'], resolve: async () => LOOPBACK });
  const url = `https://rebinding.example:${receiver.port}/hook`;
  // Not when the client says where to send: then it may have stood for another address.
  assert.equal(webhooks.refusalOf(url), undefined);
  assert.match(
    reasonOf(await send(webhooks, url)),
    /rebinding.example is not on the public internet/,
  );
  const mixed = [
    { address: '93.184.215.14', family: 4 },
    { address: '::1', family: 6 },
  ];
  const some = new Webhooks({ hosts: ['*.example'], resolve: async () => mixed });
  assert.match(reasonOf(await send(some, url)), /not on the public internet/);
  assert.deepEqual(receiver.arrived, []);
});

test('what was checked is what is connected to: the name is looked up once, and stays in Host and SNI', async () => {
  let lookups = 0;
  const resolve = async (): Promise<typeof LOOPBACK> => {
    lookups++;
    return LOOPBACK;
  };
  await using receiver = await webhookReceiver();
  const webhooks = new Webhooks({ hosts: ['receiver.test'], resolve });
  const plain = await send(webhooks, `http://receiver.test:${receiver.port}/hook`);
  assert.deepEqual([plain, lookups], [{ kind: 'sent' }, 1]);
  assert.equal(receiver.arrived[0]?.headers.host, `receiver.test:${receiver.port}`);

  const certificates = new URL('../../../../jims-core/test/support/certificates/', import.meta.url);
  const names: string[] = [];
  const server = createTlsServer({
    key: readFileSync(new URL('server.key', certificates)),
    cert: readFileSync(new URL('server.pem', certificates)),
    SNICallback: (name, done) => {
      names.push(name);
      done(null);
    },
  });
  server.on('tlsClientError', () => {});
  const port = await localPort(server);
  // Its certificate is one that nobody trusts.
  assert.match(
    reasonOf(await send(webhooks, `https://receiver.test:${port}/`)),
    /Cannot send to receiver.test: \w*(?:CERT|SIGN|VERIFY)/,
  );
  assert.deepEqual(names, ['receiver.test']);
  server.close();
});

test('a redirect is not followed, and other refusals are failures', async () => {
  await using target = await webhookReceiver();
  const statuses = [301, 302, 307, 400, 404, 410, 500];
  await using receiver = await webhookReceiver((answer, _, number) => {
    answer.writeHead(statuses[number - 1] ?? 200, { location: target.url }).end();
  });
  const webhooks = new Webhooks({ hosts: ['localhost'] });
  for (const status of statuses) {
    const result = await send(webhooks, receiver.url);
    assert.match(reasonOf(result), new RegExp(`^localhost answered with ${status}`));
    assert.equal(result.kind === 'failed' && result.isFinal === true, status === 410);
  }
  assert.deepEqual(target.arrived, []);
});

test('an answer without an end is cut off, and counts by its status', async () => {
  const endings: Promise<unknown>[] = [];
  await using receiver = await webhookReceiver((answer) => {
    answer.writeHead(200);
    const piece = Buffer.alloc(16 * 1024);
    const more = (): void => void answer.write(piece, (error) => error ?? more());
    endings.push(once(answer, 'close'));
    more();
  });
  assert.deepEqual(await send(new Webhooks({ hosts: ['localhost'] }), receiver.url), {
    kind: 'sent',
  });
  await Promise.all(endings);
});

test('nobody there, a connection that closes, and a name without an address are failures', async () => {
  const closing = createServer((socket) => socket.destroy());
  const port = await localPort(closing);
  const webhooks = new Webhooks({
    hosts: ['localhost', '127.0.0.1', 'nowhere.test', 'empty.test'],
    resolve: async (name) => {
      if (name === 'empty.test') return [];
      if (name === 'localhost') return LOOPBACK;
      throw Object.assign(new Error('secret'), { code: 'ENOTFOUND' });
    },
  });
  assert.match(reasonOf(await send(webhooks, `http://127.0.0.1:${port}/`)), /ECONNRESET/);
  closing.close();
  await once(closing, 'close');
  assert.match(reasonOf(await send(webhooks, `http://localhost:${port}/`)), /ECONNREFUSED/);
  assert.match(reasonOf(await send(webhooks, 'http://nowhere.test/')), /not found: ENOTFOUND$/);
  assert.match(reasonOf(await send(webhooks, 'http://empty.test/')), /has no address/);
});

test('a receiver, or a name server, that never answers is given up after a short time', async () => {
  await using silent = await webhookReceiver(() => {});
  const timeoutMs = 50;
  const unresolved = new Webhooks({
    hosts: ['*'],
    timeoutMs,
    resolve: () => new Promise(() => {}),
  });
  const answer = await send(new Webhooks({ hosts: ['localhost'], timeoutMs }), silent.url);
  const name = await send(unresolved, 'https://slow.example/');
  assert.match(reasonOf(answer), /did not answer in time/);
  assert.match(reasonOf(name), /not found in time/);
});

test('many messages to a host that hangs keep nobody waiting, and it gets one after a pause', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  let hangs = true;
  await using receiver = await webhookReceiver((answer) => {
    // The head of an answer alone keeps a connection, too.
    if (hangs) answer.writeHead(200).write('x');
    else answer.writeHead(204).end();
  });
  await using other = await webhookReceiver();
  const webhooks = new Webhooks({ hosts: ['localhost'], timeoutMs: 300 });
  assert.deepEqual(await send(webhooks, receiver.url), { kind: 'sent' });
  const refused = `localhost:${receiver.port} did not answer in time a moment ago`;
  assert.equal(reasonOf(await send(webhooks, receiver.url)), refused);
  assert.deepEqual(await send(webhooks, other.url), { kind: 'sent' });
  t.mock.timers.tick(4000);
  hangs = false;
  const [tried, ...others] = await Promise.all([1, 2, 3].map(() => send(webhooks, receiver.url)));
  assert.deepEqual(tried, { kind: 'sent' });
  assert.deepEqual(others.map(reasonOf), [refused, refused]);
  assert.deepEqual(await send(webhooks, receiver.url), { kind: 'sent' });
  assert.equal(receiver.arrived.length, 3);
});

test('a contact whose host hangs keeps nobody waiting by other hosts', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  await using hanging = await webhookReceiver(() => {});
  await using other = await webhookReceiver();
  const webhooks = new Webhooks({ hosts: ['localhost'], timeoutMs: 300 });
  const sendFor = (contactId: string, { url }: { readonly url: string }): Promise<SendResult> =>
    webhooks.send(
      { url, contactId, body: '{}', headers: {} },
      { id: 'delivery-1', signal: new AbortController().signal },
    );
  assert.equal((await sendFor('mallory', hanging)).kind, 'failed');
  assert.match(reasonOf(await sendFor('mallory', other)), /a moment ago/);
  assert.deepEqual(await sendFor('anna', other), { kind: 'sent' });
  assert.deepEqual(await send(webhooks, other.url), { kind: 'sent' });
  assert.equal(other.arrived.length, 2);
  t.mock.timers.tick(4000);
  const both = await Promise.all([1, 2].map(() => sendFor('mallory', other)));
  assert.deepEqual(
    both.map(({ kind }) => kind),
    ['sent', 'failed'],
  );
  assert.deepEqual(await sendFor('mallory', other), { kind: 'sent' });
});

test('a name that a client chose is not looked up by the system, which does two at a time for the whole process', async () => {
  const lookups: string[] = [];
  const hook = createHook({
    init(_, type) {
      if (type === 'GETADDRINFOREQWRAP' || type === 'QUERYWRAP') lookups.push(type);
    },
  }).enable();
  const webhooks = new Webhooks({ hosts: ['*', 'named.invalid'], timeoutMs: 300 });
  const chosen = await send(webhooks, 'https://chosen.invalid/');
  assert.match(reasonOf(chosen), /^The name chosen\.invalid was not found/);
  assert.deepEqual(lookups, ['QUERYWRAP', 'QUERYWRAP']);
  lookups.length = 0;
  await send(webhooks, 'https://named.invalid/');
  assert.deepEqual(lookups, ['GETADDRINFOREQWRAP']);
  hook.disable();
});

test('no proxy of the environment is used', async () => {
  await using proxy = await webhookReceiver();
  await using receiver = await webhookReceiver();
  const url = `http://127.0.0.1:${proxy.port}`;
  const module = new URL('../../../src/http/webhooks/webhooks.ts', import.meta.url);
  const script = `
    import { Webhooks } from '${module.href}';
    const message = { url: '${receiver.url}', body: '{}', headers: {} };
    const signal = new AbortController().signal;
    await new Webhooks({ hosts: ['localhost'] }).send(message, { id: 'x', signal });`;
  const flags = ['--conditions=@jims/source', '--input-type=module', '--eval', script];
  const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: url, NO_PROXY: '' };
  await promisify(execFile)(process.execPath, flags, { env });
  assert.equal(receiver.arrived.length, 1);
  assert.deepEqual(proxy.arrived, []);
});
