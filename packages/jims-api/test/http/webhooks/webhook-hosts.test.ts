import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isPublicAddress } from '../../../src/http/webhooks/public-addresses.ts';
import { WebhookHosts, isWebhookHost } from '../../../src/http/webhooks/webhook-hosts.ts';

function readBy(hosts: readonly string[], url: string): string {
  const read = new WebhookHosts(hosts).read(url);
  return typeof read === 'string' ? `refused: ${read}` : read.href;
}

function isRefused(hosts: readonly string[], url: string): boolean {
  return readBy(hosts, url).startsWith('refused');
}

test('addresses that are not on the public internet are known, in whatever form', () => {
  const special = [
    ['0.0.0.0', '10.1.2.3', '100.64.0.1', '100.100.100.200', '127.0.0.1', '127.255.255.255'],
    [
      '168.63.129.16',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
      '192.0.0.192',
      '192.0.2.1',
    ],
    ['192.88.99.1', '192.168.1.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1'],
    ['224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255'],
    ['::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1'],
    ['64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::1', '100::1', '2001::1', '2001:db8::1'],
    ['2002:7f00:1::', '3fff::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'ff02::1'],
    ['2606:4700::1%eth0', 'example.com', ''],
  ].flat();
  for (const address of special) assert.equal(isPublicAddress(address), false, address);
  const open = ['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.63.0.1', '2606:4700::1111'];
  for (const address of open) assert.equal(isPublicAddress(address), true, address);
});

test('with * every public host is allowed by https, and nothing else, however it is written', () => {
  assert.equal(
    readBy(['*'], 'https://Client.Example:8443/a?b#c'),
    'https://client.example:8443/a?b',
  );
  assert.equal(readBy(['*'], 'https://client.example./x'), 'https://client.example/x');
  assert.equal(readBy(['*'], 'https://8.8.8.8/'), 'https://8.8.8.8/');
  const refused = [
    'http://client.example/',
    'ftp://client.example/',
    'file:///etc/passwd',
    'https://me:pw@client.example/',
    'https://me@client.example/',
    'client.example',
    '',
    `https://client.example/${'x'.repeat(2048)}`,
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://0x7f.0.0.1/',
    'https://127.0.0.1./',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:8.8.8.8]/',
    'https://[fe80::1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://localhost/',
    'https://localhost./',
    'https://a.localhost/',
    'https://intranet/',
    'https://db.internal/',
    'https://printer.local/',
    'https://⑯⑨.254.169.254/',
  ];
  for (const url of refused) assert.ok(isRefused(['*'], url), url);
});

test('a wildcard is what is below a name, not the name and not what ends like it', () => {
  const hosts = ['*.example.com'];
  assert.ok(!isRefused(hosts, 'https://a.example.com/'));
  assert.ok(!isRefused(hosts, 'https://a.b.EXAMPLE.com/'));
  for (const host of ['example.com', 'badexample.com', 'a.example.com.evil.org', 'example.org']) {
    assert.ok(isRefused(hosts, `https://${host}/`), host);
  }
  assert.ok(isRefused(hosts, 'https://evil.org/?.example.com'));
  assert.ok(isRefused(hosts, 'https://8.8.8.8/'));
  assert.ok(isRefused(hosts, 'http://a.example.com/'));
  assert.match(readBy(hosts, 'https://evil.org/'), /does not send to the host 'evil.org'/);
});

test('a host that is named exactly may be private and speak http, with its port if it has one', () => {
  const hosts = ['receiver', 'localhost:9000', '10.0.0.5', '[::1]:80', 'fd00::7', 'hooks.example'];
  for (const url of [
    'http://receiver/',
    'https://receiver:444/',
    'http://localhost:9000/',
    'http://10.0.0.5/',
    'http://0xa.0.0.5/',
    'http://[::1]/',
    'https://[fd00::7]:1/',
    'http://HOOKS.example./',
  ]) {
    assert.ok(!isRefused(hosts, url), url);
  }
  for (const url of [
    'http://localhost/',
    'http://localhost:9001/',
    'https://localhost/',
    'http://[::1]:81/',
    'http://10.0.0.6/',
    'http://a.hooks.example/',
    'http://me:pw@receiver/',
  ]) {
    assert.ok(isRefused(hosts, url), url);
  }
});

test('a port that is not the one of its host is named in the refusal', () => {
  const hosts = ['receiver:8080', '*.example.com', 'hooks.example.com:81'];
  assert.match(readBy(hosts, 'http://receiver:81/'), /does not send to 'receiver:81'$/);
  assert.match(readBy(hosts, 'https://receiver/'), /does not send to 'receiver:443'$/);
  assert.match(readBy(hosts, 'http://other:8080/'), /must begin with https/);
  assert.match(readBy(hosts, 'http://hooks.example.com/'), /must begin with https/);
  assert.ok(!isRefused(hosts, 'https://hooks.example.com/'));
  assert.ok(!isRefused(['*', 'hooks.example:81'], 'https://hooks.example/'));
});

test('what no host can be is refused', () => {
  for (const host of [
    '',
    'https://x',
    'a b',
    'a/b',
    '*.',
    '**',
    '*x',
    '*.10.0.0.1',
    'a:b',
    '[x]',
    'me@x',
  ]) {
    assert.equal(isWebhookHost(host), false, host);
    assert.throws(() => new WebhookHosts([host]), TypeError);
  }
});
