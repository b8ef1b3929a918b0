// Files of an app: what is taken and what is not, how messages name them, and that nothing is left over.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { JimsError, defineApp, isJimsError } from 'jims-core';
import type { FileLimits, FileStore, FileUpload, JimsApp, Pipeline } from 'jims-core';
import { isOfFiles } from 'jims-core/host';

import { DEFAULT_FILE_LIMITS } from '../../src/files/file-limits.ts';
import { StoredFiles } from '../../src/files/stored-files.ts';
import { FilesOfThread } from '../../src/pipeline/context-files.ts';
import { removeOld } from '../../src/run/retention.ts';
import { openFileStore } from '../../src/store/open-file-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { localPort } from '../support/local-port.ts';
import { describeStores } from '../support/stores.ts';
import type { StoreUnderTest } from '../support/stores.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const ECHO: Pipeline = (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
const GONE = { code: 'file_gone' };
const NOT_FOUND = { code: 'file_not_found' };

/** An app whose files are in a folder, so that it can be looked at. */
interface TestApp extends AsyncDisposable {
  readonly app: JimsApp;
  readonly databaseUrl: string;
  readonly filesUrl: string;
  /** The names of the files that are there, half ones too. */
  bytesThere(): readonly string[];
}

async function testApp(
  kind: StoreUnderTest,
  pipeline: Pipeline = ECHO,
  fileLimits: Partial<FileLimits> = {},
): Promise<TestApp> {
  const database = await kind.fresh();
  const folder = mkdtempSync(join(tmpdir(), 'jims-files-'));
  const filesUrl = pathToFileURL(folder).href;
  const app = defineApp({ pipeline });
  await app.open({ store: database.url, files: filesUrl, fileLimits });
  return {
    app,
    databaseUrl: database.url,
    filesUrl,
    bytesThere: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await app.close();
      await database[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function* once(bytes: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(bytes);
}

function upload(bytes: string | Uint8Array, more: Partial<FileUpload> = {}): FileUpload {
  return { contactId: 'ann', name: 'file.txt', content: once(bytes), ...more };
}

async function bytesOf(app: JimsApp, ...[file, range]: Parameters<JimsApp['files']['read']>) {
  return Buffer.concat(await Array.fromAsync(app.files.read(file, range)));
}

describeStores((kind) => {
  describe('files of an app', () => {
    test('are read as they were sent, whole or in part, until they are deleted', async () => {
      await using it = await testApp(kind);
      const bytes = Buffer.alloc(300_000, 'Hello, wörld! ');
      const file = await it.app.files.upload(upload(bytes, { mediaType: 'text/plain' }));
      assert.deepEqual(
        { ...file, fileId: '', createdAt: '' },
        {
          fileId: '',
          createdAt: '',
          contactId: 'ann',
          threadId: undefined,
          name: 'file.txt',
          mediaType: 'text/plain',
          size: 300_000,
          digest: createHash('sha256').update(bytes).digest('hex'),
        },
      );
      assert.deepEqual(await it.app.files.find([file.fileId]), [file]);
      assert.deepEqual((await it.app.files.list({ contactId: 'ann', limit: 9 })).files, [file]);
      assert.ok((await bytesOf(it.app, file)).equals(bytes));
      const part = await bytesOf(it.app, file, { start: 70_000, end: 140_001 });
      assert.ok(part.equals(bytes.subarray(70_000, 140_001)));
      await it.app.files.delete(file.fileId);
      assert.deepEqual(await it.app.files.find([file.fileId]), []);
      assert.deepEqual(it.bytesThere(), []);
      await assert.rejects(bytesOf(it.app, file), GONE);
    });

    test('leave nothing behind when they are refused or break off', async () => {
      const limits = { maxFileBytes: 200_000, maxContactFileBytes: 500_000 };
      await using it = await testApp(kind, ECHO, limits);
      const cut = async function* cut(bytes: number): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(bytes, 'x');
        throw new Error('the client left');
      };
      const refusals: readonly [string, Partial<FileUpload>][] = [
        ['file_too_large', { size: 200_001 }],
        ['file_too_large', { content: once(Buffer.alloc(200_001)) }],
        ['file_incomplete', { content: cut(10) }],
        ['file_incomplete', { content: cut(150_000) }],
        ['file_incomplete', { size: 11, content: once('shorter') }],
        ['file_refused', { mediaType: 'image/png', content: once('no picture') }],
        // Only its end shows that it is not text.
        [
          'file_refused',
          {
            mediaType: 'text/csv',
            content: once(Buffer.concat([Buffer.alloc(150_000, 'a,'), Buffer.of(0)])),
          },
        ],
        ['file_refused', { content: once(Buffer.from('7f454c4602010100000000', 'hex')) }],
      ];
      for (const [code, more] of refusals) {
        await assert.rejects(it.app.files.upload(upload('', more)), { code }, JSON.stringify(more));
        assert.deepEqual(it.bytesThere(), []);
      }
      // What was refused does not count for its contact.
      await it.app.files.upload(upload(Buffer.alloc(200_000, 'x'), { size: 200_000 }));
      await it.app.files.upload(upload(Buffer.alloc(200_000, 'x'), { size: 200_000 }));
      const third = upload(Buffer.alloc(200_000, 'x'), { size: 200_000 });
      await assert.rejects(it.app.files.upload(third), { code: 'too_many_files' });
      await it.app.files.upload({
        ...third,
        contactId: 'bob',
        content: once(Buffer.alloc(200_000, 'x')),
      });
      const { files } = await it.app.files.list({ contactId: 'ann', limit: 9 });
      assert.equal(files.length, 2);
      assert.equal(it.bytesThere().length, 3);
    });

    test('are read by the pipeline of a message that names them, and go with its thread', async () => {
      const seen: unknown[] = [];
      await using it = await testApp(kind, async (ctx) => {
        const [photo] = ctx.files;
        if (!photo) return ctx.sendMessage('none');
        const { id, name, mediaType, size } = photo;
        const again = await ctx.file(id);
        const bytes = Buffer.from(await again.bytes());
        seen.push({ name, mediaType, size, isWhole: bytes.equals(PNG) });
        const made = { name: 'made.txt', mediaType: 'text/plain', data: new Blob(['made']) };
        await ctx.sendMessage('Here it is', { files: [made] });
      });
      const { app } = it;
      const file = await app.files.upload(upload(PNG, { name: 'photo.png' }));
      const end = await (await start(app, 'ann', [file.fileId])).end;
      assert.ok(end.type === 'result');
      const sent = {
        name: 'photo.png',
        mediaType: 'image/png',
        size: PNG.byteLength,
        isWhole: true,
      };
      assert.deepEqual(seen, [sent]);
      const { files } = await app.files.list({ contactId: 'ann', limit: 9 });
      assert.deepEqual(files.map(({ name }) => name).toSorted(), ['made.txt', 'photo.png']);
      const [threadId] = files.map((each) => each.threadId);
      assert.ok(threadId !== undefined && files.every((each) => each.threadId === threadId));
      assert.equal(it.bytesThere().length, 2);
      await app.threads.delete({ threadId });
      assert.deepEqual(it.bytesThere(), []);
      assert.deepEqual((await app.files.list({ contactId: 'ann', limit: 9 })).files, []);
    });

    test('of other contacts are not found by messages, nor by pipelines', async () => {
      let wanted = '';
      await using it = await testApp(kind, async (ctx) => void (await ctx.file(wanted)));
      const file = await it.app.files.upload(upload('secret'));
      await assert.rejects(start(it.app, 'bob', [file.fileId]), NOT_FOUND);
      wanted = file.fileId;
      const end = await (await start(it.app, 'bob', [])).end;
      assert.ok(end.type === 'error');
      assert.ok(isJimsError(end.error.cause) && end.error.cause.code === 'file_not_found');
    });

    test('of a contact that is erased are gone, whether a message named them or not', async () => {
      await using it = await testApp(kind);
      const named = await it.app.files.upload(upload('named'));
      await it.app.files.upload(upload('unnamed'));
      const other = await it.app.files.upload(upload('of another', { contactId: 'bob' }));
      await (
        await start(it.app, 'ann', [named.fileId])
      ).end;
      await it.app.threads.delete({ contactId: 'ann' });
      assert.deepEqual(it.bytesThere(), [other.fileId]);
    });

    test('of a run that goes on in another process are not removed by the one that was taken for dead', async () => {
      await using it = await testApp(kind);
      await using store = await openStore(it.databaseUrl);
      await using bytes = await openFileStore(it.filesUrl);
      const { thread } = await store.openThread({ contactId: 'ann' });
      const file = { name: 'a.txt', mediaType: 'text/plain', data: Buffer.from('hello') };
      const messageId = randomUUID();
      const places = { records: store, limits: DEFAULT_FILE_LIMITS, logger: silentLogger };
      const other = new FilesOfThread(new StoredFiles({ ...places, bytes }), thread);
      const frozen: FileStore = {
        description: 'a folder that is away when it wakes',
        async write() {
          await other.save(file, messageId);
          throw new Error('gone');
        },
        read: (...args) => bytes.read(...args),
        remove: (ids) => bytes.remove(ids),
        check: () => bytes.check(),
        close: async () => {},
        [Symbol.asyncDispose]: async () => {},
      };
      const woken = new FilesOfThread(new StoredFiles({ ...places, bytes: frozen }), thread);
      const { file_id: id } = await woken.save(file, messageId);
      assert.equal(await (await other.open(id)).text(), 'hello');
    });

    test('that no message names are removed after a while, as are those of a dead process', async () => {
      await using it = await testApp(kind);
      const named = await it.app.files.upload(upload('named'));
      await (
        await start(it.app, 'ann', [named.fileId])
      ).end;
      await it.app.files.upload(upload('unnamed'));
      await using store = await openStore(it.databaseUrl);
      await using bytes = await openFileStore(it.filesUrl);
      // A process that died while a file was sent.
      const half = {
        fileId: '019a3c5e-8f1d-7b2a-9c4e-5d6f7a8b9c0d',
        contactId: 'ann',
        name: 'x',
        size: 9,
      };
      await store.beginFile(half, { maxContactBytes: 1e9 });
      await bytes.write(half.fileId, once('half'));
      assert.equal(it.bytesThere().length, 3);
      await removeLeft({ ...DEFAULT_FILE_LIMITS });
      assert.equal(it.bytesThere().length, 3);
      await removeLeft({ ...DEFAULT_FILE_LIMITS, unnamedFileMs: 0 });
      assert.deepEqual(it.bytesThere(), [named.fileId]);

      async function removeLeft(limits: FileLimits): Promise<void> {
        const files = new StoredFiles({ records: store, bytes, limits, logger: silentLogger });
        const options = { store, files, limits: { retentionMs: undefined }, logger: silentLogger };
        const { signal } = new AbortController();
        await removeOld({ ...options, threads: { dropThreads() {} } }, signal);
      }
    });
  });
});

describe('what a file is', () => {
  const cases: readonly [
    bytes: string | Uint8Array,
    declared: string | undefined,
    name: string,
    is: string | undefined,
  ][] = [
    [PNG, undefined, 'x', 'image/png'],
    [PNG, 'image/png', 'x', 'image/png'],
    [PNG, 'application/octet-stream', 'x', 'image/png'],
    [PNG, 'image/jpeg', 'x', undefined],
    [PNG, 'text/html', 'x', undefined],
    ['plain', undefined, 'x', 'text/plain'],
    ['a,b', undefined, 'x.csv', 'text/csv'],
    ['a,b', 'text/csv; charset=utf-8', 'x', 'text/csv'],
    ['{}', 'application/json', 'x', 'application/json'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml', 'x', 'image/svg+xml'],
    ['<?xml version="1.0"?><svg/>', 'image/svg+xml', 'x', 'image/svg+xml'],
    // Two letters are no proof.
    ['MZ is how it begins', 'text/plain', 'x', 'text/plain'],
    ['MZ is how it begins', undefined, 'x', 'text/plain'],
    ['BM, too', undefined, 'x', 'text/plain'],
    ['%PDF-1.4\n', undefined, 'x', 'application/pdf'],
    ['%PDF-1.4\n', 'application/pdf', 'x', 'application/pdf'],
    ['no pdf', 'application/pdf', 'x', undefined],
    [Buffer.of(1, 2, 0), undefined, 'x', 'application/octet-stream'],
    [Buffer.of(1, 2, 0), 'application/x-own', 'x', 'application/x-own'],
    [Buffer.of(0xff, 0xff, 0xc3), 'text/plain', 'x', undefined],
    // Half a character at the end.
    [Buffer.from('é').subarray(0, 1), 'text/plain', 'x', undefined],
    ['x', 'not a type', 'x', undefined],
    ['', undefined, 'x', 'text/plain'],
  ];
  for (const [bytes, declared, name, is] of cases) {
    const what = `${Buffer.from(bytes).subarray(0, 20).toString('latin1')} as ${declared}`;
    test(`${JSON.stringify(what)} is ${is}`, async () => {
      await using app = defineApp({ pipeline: ECHO, store: 'sqlite::memory:' });
      const file = upload(bytes, { name, ...(declared !== undefined && { mediaType: declared }) });
      if (is === undefined) return assert.rejects(app.files.upload(file), { code: 'file_refused' });
      assert.equal((await app.files.upload(file)).mediaType, is);
    });
  }

  test('only types that are allowed are taken', async () => {
    await using app = defineApp({ pipeline: ECHO });
    const fileTypes = ['image/*', 'text/plain', '!image/gif'];
    await app.open({ store: 'sqlite::memory:', fileLimits: { fileTypes } });
    const type = async (bytes: string | Uint8Array): Promise<string> =>
      (await app.files.upload(upload(bytes))).mediaType;
    assert.equal(await type(PNG), 'image/png');
    assert.equal(await type('text'), 'text/plain');
    const given = { ...upload('text'), content: Object('text') };
    await assert.rejects(app.files.upload(given), { code: 'invalid_event', message: /stream of/ });
    await assert.rejects(type('GIF89a\0\0'), { code: 'file_refused', message: /image\/gif/ });
    await assert.rejects(type('%PDF-1.4\n'), { code: 'file_refused', message: /application\/pdf/ });
  });
});

test('names have no folders, nothing hidden, and a length', async () => {
  await using app = defineApp({ pipeline: ECHO, store: 'sqlite::memory:' });
  for (const [given, name] of [
    ['../../etc/passwd', 'passwd'],
    ['C:\\photos\\me.png', 'me.png'],
    ['a\u0000b\nc.txt', 'abc.txt'],
    ['invoice\u202etxt.exe', 'invoicetxt.exe'],
    [' spaces around ', 'spaces around'],
    ['', 'file'],
    ['..', 'file'],
    ['folder/', 'file'],
    ['half\ud83d', 'half\ufffd'],
    [`${'x'.repeat(300)}.jpeg`, `${'x'.repeat(250)}.jpeg`],
  ] as const) {
    assert.equal((await app.files.upload(upload('x', { name: given }))).name, name, given);
  }
});

test('an erasure is not answered before the bytes are gone, and can be asked for again', async () => {
  await using kept = await openStore('sqlite::memory:');
  const { fileStore } = kept;
  let isDown = true;
  const files: FileStore = {
    description: 'a place that is down at times',
    write: (id, pieces) => fileStore.write(id, pieces),
    read: (id, range) => fileStore.read(id, range),
    async remove(ids) {
      if (isDown) throw new JimsError('store_unavailable', 'it is down');
      await fileStore.remove(ids);
    },
    check: async () => {},
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  await using app = defineApp({ pipeline: ECHO, store: 'sqlite::memory:', files });
  const file = await app.files.upload(upload('hello'));
  const erased = app.threads.delete({ contactId: 'ann' });
  await assert.rejects(erased, { code: 'store_unavailable' });
  // Nobody finds it any more, but its bytes are there.
  assert.deepEqual(await app.files.find([file.fileId]), []);
  assert.equal((await bytesOf(app, file)).toString(), 'hello');
  isDown = false;
  await app.threads.delete({ contactId: 'ann' });
  await assert.rejects(bytesOf(app, file), GONE);
});

test('a part of a file does not pass for the whole', async () => {
  await using kept = await openStore('sqlite::memory:');
  const { fileStore } = kept;
  const files: FileStore = {
    description: 'a place that has lost bytes',
    write: (id, pieces) => fileStore.write(id, pieces),
    read: (id, range) => fileStore.read(id, { ...range, end: range.end - 1 }),
    remove: (ids) => fileStore.remove(ids),
    check: async () => {},
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  await using app = defineApp({ pipeline: ECHO, store: 'sqlite::memory:', files });
  const file = await app.files.upload(upload('hello'));
  await assert.rejects(bytesOf(app, file), (error: unknown) => {
    assert.ok(isJimsError(error) && isOfFiles(error));
    assert.match(error.message, /4 instead of 5/);
    return true;
  });
});

test('a place for files that cannot be used is found when the app is opened', async (t) => {
  await using app = defineApp({ pipeline: ECHO, store: 'sqlite::memory:' });
  await assert.rejects(app.open({ files: 'nfs://x' }), { code: 'store_invalid' });
  const folder = mkdtempSync(join(tmpdir(), 'jims-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  await app.open({ files: pathToFileURL(folder).href });
  assert.equal((await app.files.upload(upload('x'))).size, 1);
});

test('a start whose bucket takes connections and never answers ends, and says which it is', async (t) => {
  const connections: Socket[] = [];
  const silent = createServer((socket) => connections.push(socket));
  const port = await localPort(silent);
  t.after(() => {
    for (const socket of connections) socket.destroy();
    silent.close();
  });
  const env = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' };
  Object.assign(process.env, env);
  t.after(() => Object.keys(env).forEach((name) => delete process.env[name]));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const warnings: string[] = [];
  const warn = (_: object, message: string): number => warnings.push(message);
  await using app = defineApp({ pipeline: ECHO, store: 'sqlite::memory:' });
  const files = `s3://chat-files/x?region=x&endpoint=http://127.0.0.1:${port}`;
  const opening = app.open({ files, logger: { ...silentLogger, warn } });
  const failure = assert.rejects(opening, {
    code: 'store_unavailable',
    message: 'Cannot write files in s3://chat-files/x/: no answer in 10 seconds',
  });
  while (connections.length === 0) await setImmediate();
  t.mock.timers.tick(5000);
  assert.deepEqual(warnings, ['still trying to keep files: s3://chat-files/x/ does not answer']);
  t.mock.timers.tick(5000);
  await failure;
});

async function start(app: JimsApp, contactId: string, files: readonly string[]) {
  return app.runs.start({ contactId, message: 'Look', files });
}
