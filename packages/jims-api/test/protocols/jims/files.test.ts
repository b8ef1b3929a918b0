// Files by HTTP: sent as a form and bare, read whole and in part, named by messages, and who reaches them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { defineApp, openStore } from 'jims-core';
import type { OpenOptions, Pipeline } from 'jims-core';
import * as v from 'valibot';

import { freshSqlite } from '../../../../jims-core/test/support/sqlite.ts';
import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { FileSignatures } from '../../../src/http/file-signatures.ts';
import { createApi } from '../../../src/index.ts';
import { jsonOf, parseFrames, testApi, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';
import { recorder } from '../../support/recorder.ts';

const FILES = '/api/v1/files';
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const LOOK: Pipeline = async (ctx) => {
  const texts = await Promise.all(
    ctx.files.map(async (each) => `${each.name}: ${await each.text()}`),
  );
  ctx.sendMessage(texts.join('; ') || 'nothing');
};
const ANN = { 'x-contact': 'ann' };
const BOB = { 'x-contact': 'bob' };

const FileAnswer = v.object({
  file_id: v.string(),
  contact_id: v.string(),
  thread_id: v.nullable(v.string()),
  name: v.string(),
  media_type: v.string(),
  size: v.number(),
  digest: v.string(),
  created_at: v.string(),
});

/** As bytes: the body that a Request makes of a form by itself does not bear to be left unread. */
async function postForm(api: TestApi, form: FormData): Promise<Response> {
  const written = new Response(form);
  return api.send('POST', FILES, { headers: written.headers, body: await written.arrayBuffer() });
}

/** The status of an answer, whose body is read. */
async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}

/** Sends a bare body. */
async function send(
  api: TestApi,
  body: string | Uint8Array | ReadableStream,
  { query = '', headers = ANN }: { query?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const content = typeof body === 'string' ? Buffer.from(body) : body;
  return api.send('POST', FILES + query, { body: content, headers, duplex: 'half' });
}

async function sent(response: Response): Promise<v.InferOutput<typeof FileAnswer>> {
  const body: unknown = await response.json();
  assert.equal(response.status, 201, JSON.stringify(body));
  return v.parse(FileAnswer, body);
}

async function refused(response: Promise<Response>): Promise<unknown[]> {
  const answer = await response;
  const { code } = await jsonOf(answer);
  return [answer.status, code];
}

async function files(api: TestApi, headers: Record<string, string> = ANN): Promise<unknown> {
  return (await jsonOf(await api.get(FILES, headers)))['files'];
}

describeStores((kind) => {
  test('a file goes from a form to the message that names it, to its readers, and away', async () => {
    await using database = await kind.fresh();
    await using api = testApiOn(database.url, LOOK, byContactHeader);
    const form = new FormData();
    form.set('file', new File(['Mon 9–17'], 'öffnungszeiten "neu".txt', { type: 'text/plain' }));
    const response = await api.send('POST', FILES, { body: form, headers: ANN });
    const location = response.headers.get('location');
    const file = await sent(response);
    const digest = createHash('sha256').update('Mon 9–17').digest('hex');
    assert.deepEqual(file, {
      file_id: file.file_id,
      contact_id: 'ann',
      thread_id: null,
      name: 'öffnungszeiten "neu".txt',
      media_type: 'text/plain',
      size: 10,
      digest: `sha256:${digest}`,
      created_at: file.created_at,
    });
    assert.equal(location, `${FILES}/${file.file_id}`);

    // Named twice, it is one file of the message all the same.
    const twice = [file.file_id, file.file_id.toUpperCase()];
    const body = { message: 'When?', files: twice, include: ['event'] };
    const answer = await jsonOf(await api.post('/api/v1/chat', body, ANN));
    assert.deepEqual(answer['assistant_messages'], ['öffnungszeiten "neu".txt: Mon 9–17']);
    const threadId = String(answer['thread_id']);
    const stream = await api.post('/api/v1/chat/stream', { ...body, message: 'Again' }, ANN);
    const [, ended] = parseFrames(await stream.text()).toReversed();
    assert.ok(ended);
    const run = { message: 'And again', files: [file.file_id] };
    const started = await api.post(`/api/v1/threads/${threadId}/runs`, run, ANN);
    assert.equal(started.status, 202);
    const { run_id: runId } = await jsonOf(started);
    const ran = await jsonOf(await api.get(`/api/v1/runs/${String(runId)}?wait=10`, ANN));
    assert.match(JSON.stringify(ran['result']), /Mon 9–17/);

    const log = await jsonOf(await api.get(`/api/v1/threads/${threadId}/events?domain=comm`, ANN));
    const named = { file_id: file.file_id, name: file.name, media_type: 'text/plain', size: 10 };
    const said = v.parse(v.array(v.looseObject({ event_data: v.unknown() })), log['events']);
    const [first] = said;
    assert.deepEqual(first?.event_data, { role: 'user', content: 'When?', files: [named] });
    assert.equal(said.length, 6);

    const kept = [{ ...file, thread_id: threadId }];
    assert.deepEqual(await files(api), kept);
    const exported = await jsonOf(await api.get('/api/v1/contacts/ann/export', ANN));
    assert.deepEqual(exported['files'], kept);
    // A contact cannot take away what a message names, except with the thread.
    assert.deepEqual(
      await refused(api.send('DELETE', `${FILES}/${file.file_id}`, { headers: ANN })),
      [409, 'file_in_use'],
    );
    assert.equal(
      await statusOf(api.send('DELETE', `/api/v1/threads/${threadId}`, { headers: ANN })),
      204,
    );
    assert.equal(await statusOf(api.get(`${FILES}/${file.file_id}`, ANN)), 404);
    assert.deepEqual(await files(api), []);
  });
});

describe('a file that is read', () => {
  test('comes whole, in part, or not at all when it is known, and never as a page', async () => {
    await using api = testApi(LOOK, byContactHeader);
    const text = 'x'.repeat(100_000) + '<script>alert(1)</script>';
    const headers = {
      ...ANN,
      'content-type': 'text/html',
      'content-disposition': 'attachment; filename="e.html"; filename*=UTF-8\'\'%C3%A9.html',
    };
    const file = await sent(await send(api, text, { headers }));
    assert.equal(file.name, 'é.html');
    const path = `${FILES}/${file.file_id}`;
    const whole = await api.get(path, ANN);
    assert.equal(await whole.text(), text);
    const expected = {
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      'content-disposition': 'attachment; filename="_.html"; filename*=UTF-8\'\'%C3%A9.html',
      'content-length': String(text.length),
      'content-security-policy': "default-src 'none'; sandbox",
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
    };
    const head = await api.send('HEAD', path, { headers: ANN });
    for (const answer of [whole, head]) {
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(answer.headers.get(name), value, name);
      }
    }
    assert.equal(await head.text(), '');
    const etag = whole.headers.get('etag') ?? '';
    assert.equal(await statusOf(api.get(path, { ...ANN, 'if-none-match': etag })), 304);
    assert.equal(await statusOf(api.get(path, { ...ANN, 'if-none-match': '"other"' })), 200);
    const size = text.length;
    for (const [range, status, contentRange, part] of [
      ['bytes=0-9', 206, `bytes 0-9/${size}`, text.slice(0, 10)],
      ['bytes=99990-', 206, `bytes 99990-${size - 1}/${size}`, text.slice(99_990)],
      ['bytes=-9', 206, `bytes ${size - 9}-${size - 1}/${size}`, '</script>'],
      ['Bytes=0-9', 206, `bytes 0-9/${size}`, text.slice(0, 10)],
      ['bytes=5-999999', 206, `bytes 5-${size - 1}/${size}`, text.slice(5)],
      [`bytes=${size}-`, 416, `bytes */${size}`, undefined],
      ['bytes=-0', 416, `bytes */${size}`, undefined],
      // What is not one range is as if it was not there.
      ['bytes=9-5', 200, null, text],
      ['bytes=0-1,5-6', 200, null, text],
      ['lines=0-1', 200, null, text],
    ] as const) {
      const answer = await api.get(path, { ...ANN, range });
      assert.equal(answer.status, status, range);
      assert.equal(answer.headers.get('content-range'), contentRange, range);
      const content = await answer.text();
      if (part !== undefined) assert.equal(content, part, range);
    }
    const other = { ...ANN, range: 'bytes=0-9', 'if-range': '"other"' };
    assert.equal(await statusOf(api.get(path, other)), 200);
    assert.equal(await statusOf(api.get(path, { ...other, 'if-range': etag })), 206);
  });

  test('is 410 when its bytes are gone', async () => {
    using database = freshSqlite();
    await using api = testApiOn(database.url, LOOK, byContactHeader);
    const file = await sent(await send(api, 'hello'));
    // A place for files that has lost one.
    await using store = await openStore(database.url);
    await store.fileStore.remove([file.file_id]);
    assert.deepEqual(await refused(api.get(`${FILES}/${file.file_id}`, ANN)), [410, 'file_gone']);
    const run = await api.post('/api/v1/chat', { message: 'Look', files: [file.file_id] }, ANN);
    assert.equal(run.status, 500);
  });
});

describe('a signed address', () => {
  const [newKey, oldKey] = ['n'.repeat(32), 'o'.repeat(32)];
  const KEY = { authorization: 'Bearer key' };

  test('gets one file, by GET, without a key, for a day', async () => {
    const options = { apiKeys: ['key'], fileAddressKeys: [oldKey], requireContactHeader: true };
    await using api = testApi(LOOK, options);
    const caller = { ...KEY, 'x-jims-contact-id': 'ann' };
    const file = await sent(await send(api, 'hello', { headers: caller }));
    const other = await sent(await send(api, 'other', { headers: caller }));
    const path = `${FILES}/${file.file_id}`;
    const address = await jsonOf(await api.get(`${path}/address`, caller));
    const url = String(address['url']);
    const lifeMs = Date.parse(String(address['expires_at'])) - Date.now();
    assert.ok(lifeMs > 23 * 3_600_000 && lifeMs <= 25 * 3_600_000, `${lifeMs}`);
    const response = await api.get(url);
    assert.equal(await response.text(), 'hello');
    assert.equal(response.headers.get('content-disposition')?.startsWith('attachment;'), true);
    assert.equal(await statusOf(api.send('HEAD', url)), 200);

    const query = url.slice(url.indexOf('?'));
    const past = new FileSignatures([oldKey]).sign(file.file_id, Date.now() - 26 * 3_600_000);
    const foreign = new FileSignatures([newKey]).sign(file.file_id);
    for (const strange of [
      path,
      `${FILES}/${other.file_id}${query}`,
      `${path}${query.replace('until=', 'until=9')}`,
      `${path}${query.slice(0, -1)}`,
      `${path}?${past?.query}`,
      `${path}?${foreign?.query}`,
      `${path}?until=Infinity&signature=`,
      `${path}/address${query}`,
    ]) {
      assert.equal(await statusOf(api.get(strange)), 401, strange);
    }
    assert.equal(await statusOf(api.send('DELETE', url)), 401);
    // Somebody with a key does not need it.
    assert.equal(await statusOf(api.get(`${path}?${past?.query}`, caller)), 200);
    const bob = { ...KEY, 'x-jims-contact-id': 'bob' };
    assert.equal(await statusOf(api.get(`${path}/address`, bob)), 404);

    const rotated = createApi(api.app, { ...options, fileAddressKeys: [newKey, oldKey] });
    assert.equal(await statusOf(rotated(new Request(`http://localhost${url}`))), 200);
  });

  test('is in the answers of protocols, and names the file when it is sent back', async () => {
    await using api = testApi(LOOK, { apiKeys: ['key'], fileAddressKeys: [newKey] });
    const caller = { ...KEY, 'x-jims-contact-id': 'ann' };
    const { file_id: id } = await sent(await send(api, 'hello', { headers: caller }));
    const parts = [{ type: 'file', url: `${FILES}/${id}`, mediaType: 'text/plain' }];
    const ask = { id: 'chat', messages: [{ role: 'user', parts }] };
    assert.equal(await statusOf(api.post('/ai-sdk/chat', ask, caller)), 200);
    const restored = JSON.stringify(await jsonOf(await api.get('/ai-sdk/chat/chat', caller)));
    const url = /"url":"([^"]+)"/.exec(restored)?.[1] ?? '';
    assert.equal(await (await api.get(url)).text(), 'hello');
    const again = { id: 'other', messages: [{ role: 'user', parts: [{ ...parts[0], url }] }] };
    const stream = await api.post('/ai-sdk/chat', again, caller);
    assert.match(await stream.text(), /hello/);
  });

  test('needs a key of the service that nobody guesses; without one, addresses need the caller’s', async () => {
    assert.throws(() => createApi(defineApp(LOOK), { fileAddressKeys: ['short'] }), TypeError);
    await using api = testApi(LOOK, byContactHeader);
    const { file_id: id } = await sent(await send(api, 'hello'));
    const address = await jsonOf(await api.get(`${FILES}/${id}/address`, ANN));
    assert.deepEqual(address, { url: `${FILES}/${id}`, expires_at: null });
  });
});

describe('a file of another contact', () => {
  test('is not found, whatever is done with it; services reach all', async () => {
    await using api = testApi(LOOK, byContactHeader);
    const { file_id: id } = await sent(await send(api, 'secret'));
    const path = `${FILES}/${id}`;
    const chat = { message: 'Look', files: [id] };
    assert.equal(await statusOf(api.get(path, BOB)), 404);
    assert.equal(await statusOf(api.send('DELETE', path, { headers: BOB })), 404);
    assert.deepEqual(await refused(api.post('/api/v1/chat', chat, BOB)), [404, 'file_not_found']);
    assert.equal(await statusOf(api.get(`${FILES}?contact_id=ann`, BOB)), 404);
    assert.deepEqual(await files(api, BOB), []);
    assert.equal((await send(api, 'x', { query: '?contact_id=ann', headers: BOB })).status, 404);
    const service = await api.post('/api/v1/chat', { ...chat, contact_id: 'bob' });
    assert.deepEqual([service.status, (await jsonOf(service))['code']], [404, 'file_not_found']);
    assert.equal(await statusOf(api.get(`${path}?contact_id=bob`)), 404);
    assert.equal(await statusOf(api.get(path)), 200);
    assert.equal(await statusOf(api.send('DELETE', path)), 204);
    assert.equal(await statusOf(api.get(path)), 404);
  });

  test('is listed page by page, oldest first', async () => {
    await using api = testApi(LOOK);
    for (const name of ['1', '2', '3']) {
      await sent(await send(api, name, { query: `?contact_id=ann&name=${name}`, headers: {} }));
    }
    const names: unknown[] = [];
    for (let cursor = ''; ;) {
      const page = await jsonOf(await api.get(`${FILES}?contact_id=ann&limit=2${cursor}`));
      names.push(v.parse(v.array(FileAnswer), page['files']).map(({ name }) => name));
      const { next_cursor: next } = page;
      if (typeof next !== 'string') break;
      cursor = `&cursor=${next}`;
    }
    assert.deepEqual(names, [['1', '2'], ['3']]);
    assert.equal(await statusOf(api.get(FILES)), 422);
  });
});

describe('a file that is refused', () => {
  const small: OpenOptions = { fileLimits: { maxFileBytes: 1000, maxContactFileBytes: 2500 } };

  test('says why, and leaves nothing', async () => {
    using database = freshSqlite();
    await using api = testApiOn(database.url, LOOK, byContactHeader);
    await api.app.open(small);
    const large = 'x'.repeat(1001);
    const typed = (type: string): Record<string, string> => ({ ...ANN, 'content-type': type });
    const cut = (): ReadableStream =>
      ReadableStream.from(
        (async function* pieces() {
          yield Buffer.from('half');
          throw new Error('the connection broke');
        })(),
      );
    const form = (body: string): Promise<Response> =>
      send(api, body, { headers: typed('multipart/form-data; boundary=b') });
    const part = '--b\r\ncontent-disposition: form-data; name="file"; filename="x.txt"\r\n\r\nhi';
    for (const [answer, status, code] of [
      [send(api, large), 413, 'file_too_large'],
      [send(api, large, { headers: { ...ANN, 'content-length': '1001' } }), 413, 'file_too_large'],
      [send(api, ReadableStream.from([Buffer.from(large)])), 413, 'file_too_large'],
      [send(api, cut()), 400, 'file_incomplete'],
      [send(api, 'short', { headers: { ...ANN, 'content-length': '9' } }), 400, 'file_incomplete'],
      [send(api, 'text', { headers: typed('image/png') }), 415, 'file_refused'],
      [send(api, PNG, { headers: typed('text/plain') }), 415, 'file_refused'],
      [send(api, PNG, { headers: typed('nonsense') }), 415, 'file_refused'],
      [
        send(api, 'x', { headers: { ...ANN, 'content-encoding': 'gzip' } }),
        415,
        'content_encoding_not_supported',
      ],
      [form('not a form'), 400, 'form_invalid'],
      [form('--b--\r\n'), 422, 'form_without_file'],
      [form(part), 400, 'file_incomplete'],
      [form(`${part}\r\n`), 400, 'file_incomplete'],
      [form(`${part}\r\n${part}\r\n--b--\r\n`), 422, 'form_too_long'],
      [send(api, 'x', { headers: typed('multipart/form-data') }), 400, 'form_invalid'],
    ] as const) {
      assert.deepEqual(await refused(answer), [status, code]);
    }
    assert.deepEqual(await files(api), []);
    await using store = await openStore(database.url);
    assert.deepEqual(await store.filesToErase({ unnamedMs: 0, limit: 9 }), []);
    // They do not count, either.
    for (const _ of [1, 2])
      await sent(
        await send(api, 'x'.repeat(1000), { headers: { ...ANN, 'content-length': '1000' } }),
      );
    const third = send(api, 'x'.repeat(1000), { headers: { ...ANN, 'content-length': '1000' } });
    assert.deepEqual(await refused(third), [413, 'too_many_files']);
  });

  test('as the disk takes none is answered so, and what is wrong with it is in the log', async () => {
    using database = freshSqlite();
    writeFileSync(`${database.path}-files`, 'in the place of the folder');
    const { logger, lines } = recorder();
    await using api = testApiOn(database.url, LOOK, { ...byContactHeader, logger });
    const answer = await send(api, 'hello');
    assert.equal(answer.status, 503);
    const detail = 'Files cannot be written or read now: try again later';
    assert.deepEqual(await answer.json(), { detail, code: 'store_unavailable' });
    assert.ok(JSON.stringify(lines).includes(`Files in '${database.path}-files': E`));
  });

  test('needs a contact, and a message takes only so many', async () => {
    await using api = testApi(LOOK);
    assert.equal((await send(api, 'x', { headers: {} })).status, 422);
    const form = new FormData();
    form.set('file', new File(['x'], 'x.txt'));
    form.set('contact_id', 'ann');
    // It comes after the file, which is stored before.
    assert.equal((await postForm(api, form)).status, 422);
    // A form says how its fields are written, so that they may hold half a character.
    const half = Buffer.concat([
      Buffer.from(
        '--x\r\ncontent-disposition: form-data; name="contact_id"\r\ncontent-type: text/plain; charset=utf-16le\r\n\r\n',
      ),
      Buffer.from('ann\ud83d', 'utf16le'),
      Buffer.from(
        '\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="x.txt"\r\n\r\nx\r\n--x--\r\n',
      ),
    ]);
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    assert.equal(await statusOf(api.send('POST', FILES, { headers, body: half })), 422);
    const ids = Array.from({ length: 21 }, () => '019a3c5e-8f1d-7b2a-9c4e-5d6f7a8b9c0d');
    const chat = { contact_id: 'ann', message: 'x', files: ids };
    assert.equal(await statusOf(api.post('/api/v1/chat', chat)), 422);
    assert.equal(await statusOf(api.post('/api/v1/chat', { ...chat, files: ['x'] })), 422);
    assert.equal(
      await statusOf(api.post('/api/v1/chat', { ...chat, files: ids.slice(0, 1) })),
      404,
    );
  });
});

test('a client that sends nothing more is not waited for', async () => {
  await using api = testApi(LOOK, { ...byContactHeader, uploadPieceMs: 50 });
  const silent = new ReadableStream({
    start: (controller) => controller.enqueue(Buffer.from('half')),
  });
  assert.deepEqual(await refused(send(api, silent)), [408, 'body_too_slow']);
  assert.deepEqual(await files(api), []);
});

test('a file that is sent or read uses the share of streams of its contact', async () => {
  const fileAddressKeys = ['k'.repeat(32)];
  await using api = testApi(LOOK, { ...byContactHeader, maxStreamsPerCaller: 1, fileAddressKeys });
  const slow = new TransformStream<Uint8Array, Uint8Array>();
  const writer = slow.writable.getWriter();
  const first = send(api, slow.readable);
  await writer.write(Buffer.alloc(70_000, 'x'));
  await writer.write(Buffer.alloc(10, 'x'));
  assert.equal((await refused(send(api, 'second')))[0], 429);
  await writer.close();
  const file = await sent(await first);
  const reading = await api.get(`${FILES}/${file.file_id}`, ANN);
  assert.equal(await statusOf(api.get(`${FILES}/${file.file_id}`, ANN)), 429);
  // A service reads for them; an address that was given away shows nobody's key.
  assert.equal(await statusOf(api.get(`${FILES}/${file.file_id}`)), 429);
  const { query = '' } = new FileSignatures(fileAddressKeys).sign(file.file_id) ?? {};
  assert.equal(await statusOf(api.get(`${FILES}/${file.file_id}?${query}`)), 429);
  await reading.body?.cancel();
  assert.equal(await statusOf(api.get(`${FILES}/${file.file_id}`, ANN)), 200);
});
