// What a browser gets that opens the address of a service.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { readAssets as playgroundAssets } from 'jims-playground/assets';
import { readAssets as widgetAssets } from 'jims-widget/assets';

import { testApi } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { serveApp } from '../../support/listening-app.ts';

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

async function bytes(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

test('without a playground browsers get a page that leads to the documentation, programs a 404', async () => {
  await using api = testApi(() => {}, { apiKeys: ['key'] });
  const page = await api.get('/', HTML);
  assert.equal(page.status, 200);
  assert.match(
    page.headers.get('content-security-policy') ?? '',
    /^default-src 'none'; style-src 'sha256-/,
  );
  const html = await page.text();
  for (const [, link = ''] of html.matchAll(/href="([^"]+)"/g)) {
    const { status } = await api.get(`/${link}`, { authorization: 'Bearer key' });
    assert.equal(status, 200, link);
  }
  for (const headers of [{}, { accept: '*/*' }, { accept: 'application/json' }]) {
    const answer = await api.get('/', headers);
    assert.deepEqual([answer.status, await answer.json()], [404, { detail: 'Not Found' }]);
  }
  for (const path of ['/widget.js', '/playground/page.js', '/api/v1/dev']) {
    assert.equal((await api.get(path, { authorization: 'Bearer key' })).status, 404, path);
  }
});

test('other methods of the pages are answered as those of unknown paths', async () => {
  for (const playground of [false, true]) {
    await using api = testApi(() => {}, { playground });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await api.send(method, '/');
      assert.deepEqual(
        [answer.status, await answer.json()],
        [404, { detail: 'Not Found' }],
        method,
      );
    }
  }
});

test('the files of the playground need no key, and run nothing of other origins', async () => {
  await using api = testApi(() => {}, { playground: true, apiKeys: ['key'] });
  const assets = await playgroundAssets();
  for (const [name, { type, body }] of assets) {
    const answer = await api.get(name === 'index.html' ? '/' : `/playground/${name}`, HTML);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), type);
    assert.equal(await answer.text(), body);
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  }
  for (const path of [
    '/playground/missing.js',
    '/playground/',
    '/playground/..%2Fpage.js',
    '/playground/a/b',
  ]) {
    assert.equal((await api.get(path)).status, 404, path);
  }
  assert.equal((await api.get('/api/v1/threads')).status, 401);
});

test('files come compressed as the client takes them, and not again to a client that has them', async () => {
  await using api = testApi(() => {}, { widget: true });
  const body = (await widgetAssets()).get('widget.js')?.body ?? '';
  const get = (headers: Record<string, string>): Promise<Response> =>
    api.get('/widget.js', headers);
  const tags = new Set<string>();
  const forms = [
    { accepted: 'gzip, deflate, br, zstd', encoding: 'br', decode: brotliDecompressSync },
    { accepted: 'br;q=0, gzip;q=0.5', encoding: 'gzip', decode: gunzipSync },
    { accepted: 'deflate', encoding: null, decode: (data: Buffer) => data },
  ];
  for (const { accepted, encoding, decode } of forms) {
    const answer = await get({ 'accept-encoding': accepted });
    assert.equal(answer.headers.get('content-encoding'), encoding);
    assert.equal(answer.headers.get('vary'), 'accept-encoding');
    const data = await bytes(answer);
    assert.equal(answer.headers.get('content-length'), String(data.length));
    assert.equal(decode(data).toString(), body);
    const etag = answer.headers.get('etag') ?? '';
    tags.add(etag);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await get({ 'accept-encoding': accepted, 'if-none-match': known });
      assert.deepEqual([again.status, await again.text()], [304, '']);
      assert.equal(again.headers.get('etag'), etag);
    }
    assert.equal((await get({ 'if-none-match': '"other"' })).status, 200);
  }
  assert.equal(tags.size, 3);
});

test('the widget is for pages of any origin; HEAD has its size and no body', async () => {
  await using service = await serveApp({ pipeline: () => {} }, { widget: true });
  const answer = await fetch(`${service.origin}/widget.js`, {
    method: 'HEAD',
    headers: { origin: 'https://shop.example', 'accept-encoding': 'br' },
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  assert.equal(answer.headers.get('cross-origin-resource-policy'), 'cross-origin');
  assert.ok(Number(answer.headers.get('content-length')) > 0);
  assert.equal(await answer.text(), '');
});

test('a page that points its own name here gets nothing of the playground', async () => {
  await using api: TestApi = testApi(() => {}, { playground: true, allowedHosts: [] });
  for (const path of ['/', '/playground/page.js', '/api/v1/threads']) {
    const answer = await api.fetch(new Request(`http://evil.example${path}`));
    assert.equal(answer.status, 403, path);
  }
});
