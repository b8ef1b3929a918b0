import assert from 'node:assert/strict';
import { test } from 'node:test';

import { jsonOf, testApi } from '../../support/api.ts';
import { serveApp } from '../../support/listening-app.ts';
import { a2aClient } from './a2a-client.ts';

const CARD = '/.well-known/agent-card.json';
const ONE = { 'a2a-version': '1.0' };

function echo(): void {}

test('the card has the app’s name and description, and the address at which it was requested', async () => {
  const about = { name: 'Pizza', description: 'Takes orders for pizza', version: '3.2.1' };
  await using api = testApi({ pipeline: echo, ...about });
  const response = await api.get(CARD, ONE);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.deepEqual(await jsonOf(response), {
    ...about,
    supportedInterfaces: [
      { url: 'http://localhost/a2a', protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
      { url: 'http://localhost/a2a/rest', protocolBinding: 'HTTP+JSON', protocolVersion: '1.0' },
      { url: 'http://localhost/a2a', protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
    ],
    capabilities: {
      streaming: true,
      pushNotifications: false,
      extensions: [
        {
          uri: 'urn:jims:a2a:answers-in-status:v1',
          description:
            'Answers are also the message of statuses: as they grow, and of the last one',
          required: false,
        },
      ],
    },
    defaultInputModes: ['text/plain', 'image/*', 'audio/*', 'video/*', 'application/*'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'chat', name: about.name, description: about.description, tags: ['chat'] }],
  });
});

test('the card is open to everybody, and says that the rest is not', async () => {
  await using api = await serveApp(echo, { apiKeys: ['s3cret'] });
  const client = await a2aClient(api.origin, { binding: 'JSONRPC' });
  const card = await client.getAgentCard();
  assert.deepEqual(card.securityRequirements[0]?.schemes['bearer'], { list: [] });
  const { $case, value } = card.securitySchemes['bearer']?.scheme ?? {};
  assert.equal($case, 'httpAuthSecurityScheme');
  assert.ok(value && 'scheme' in value && value.scheme === 'Bearer');
});

test('addresses are those of the public URL when the operator names one, and never a header’s', async () => {
  await using behind = testApi(echo, { publicUrl: 'https://chat.example/bots/' });
  const forged = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
  const card = JSON.stringify(await jsonOf(await behind.get(CARD, forged)));
  assert.match(card, /"https:\/\/chat\.example\/bots\/a2a"/);
  assert.match(card, /"https:\/\/chat\.example\/bots\/a2a\/rest"/);
  assert.doesNotMatch(card, /evil|localhost/);
  await using open = testApi(echo);
  const own = await open.get(CARD, forged);
  assert.match(own.headers.get('cache-control') ?? '', /^private, /);
  assert.doesNotMatch(await own.text(), /evil/);
  assert.throws(() => testApi(echo, { publicUrl: 'chat.example' }), /publicUrl must be/);
});

test('clients that have the card are answered that it has not changed', async () => {
  await using api = testApi(echo);
  const { headers } = await api.get(CARD);
  const etag = headers.get('etag') ?? '';
  const changed = headers.get('last-modified') ?? '';
  const before = new Date(Date.parse(changed) - 1000).toUTCString();
  const cases = [
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': `"x", ${etag}` }, 304],
    [{ 'if-none-match': `W/${etag}` }, 304],
    [{ 'if-none-match': '"x"' }, 200],
    [{ 'if-modified-since': changed }, 304],
    [{ 'if-modified-since': before }, 200],
    [{ 'if-modified-since': 'yesterday' }, 200],
    // The tag says more than the time.
    [{ 'if-modified-since': changed, 'if-none-match': '"x"' }, 200],
  ] as const;
  for (const [known, status] of cases) {
    const again = await api.get(CARD, known);
    assert.deepEqual([again.status, again.headers.get('last-modified')], [status, changed]);
  }
  assert.notEqual((await api.get(CARD, ONE)).headers.get('etag'), etag);
});

test('without a version the card has what clients of 0.3 look for', async () => {
  await using api = testApi(echo, { apiKeys: ['s3cret'] });
  const card = await jsonOf(await api.get(CARD));
  assert.equal(card['url'], 'http://localhost/a2a');
  assert.equal(card['protocolVersion'], '0.3.0');
  assert.equal(card['preferredTransport'], 'JSONRPC');
  assert.deepEqual(card['security'], [{ bearer: [] }]);
});
