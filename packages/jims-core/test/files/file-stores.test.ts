// Places for files beside the databases: a folder, and a bucket.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { newId, openFileStore } from 'jims-core';
import type { FileStore } from 'jims-core';

import { localPort } from '../support/local-port.ts';
import { KEYS, startS3Server } from '../support/s3-server.ts';

const MIB = 1024 * 1024;
const GONE = { code: 'file_gone' };
const UNREACHED = { code: 'store_unavailable' };
const INVALID = { code: 'store_invalid' };

interface Place extends AsyncDisposable {
  readonly url: string;
}

function freshFolder(): Place & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'jims-files-'));
  return {
    path,
    url: pathToFileURL(join(path, 'files')).href,
    async [Symbol.asyncDispose]() {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Keys are read when a store is opened. */
async function openWithKeys(
  url: string,
  keys: Readonly<Record<string, string>> = KEYS,
): Promise<FileStore> {
  Object.assign(process.env, keys);
  try {
    return await openFileStore(url);
  } finally {
    for (const name of Object.keys(keys)) delete process.env[name];
  }
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function read(store: FileStore, id: string, start: number, end: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(store.read(id, { start, end })));
}

function bytesOf(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 1) bytes[at] = (at * 7 + (at >> 8) * 13) % 251;
  return bytes;
}

for (const [name, fresh] of [
  ['a folder', async (): Promise<Place> => freshFolder()],
  ['a bucket', startS3Server],
] as const) {
  describe(name, () => {
    test('gives back what was written, whole and in parts, and forgets what is removed', async () => {
      await using place = await fresh();
      await using store = await openWithKeys(place.url);
      await store.check();
      // Sizes around those of the parts in which a bucket takes large files.
      for (const size of [0, 1, 300_000, 5 * MIB, 10 * MIB + 3]) {
        const id = newId();
        const bytes = bytesOf(size);
        await store.write(id, pieces(bytes, 70_001));
        assert.ok((await read(store, id, 0, size)).equals(bytes), `${size}`);
        const [start, end] = [Math.floor(size / 3), Math.ceil(size / 2)];
        assert.ok((await read(store, id, start, end)).equals(bytes.subarray(start, end)));
        await store.remove([id, newId()]);
        if (size > 0) await assert.rejects(read(store, id, 0, size), GONE);
        await store.remove([id]);
      }
    });

    test('keeps nothing of a file whose pieces fail', async () => {
      await using place = await fresh();
      await using store = await openWithKeys(place.url);
      for (const size of [100, 6 * MIB]) {
        const id = newId();
        const broken = new Error('cut');
        await assert.rejects(
          store.write(
            id,
            (async function* cut() {
              yield* pieces(bytesOf(size), 64 * 1024);
              throw broken;
            })(),
          ),
          broken,
        );
        await assert.rejects(read(store, id, 0, 10), GONE);
      }
    });

    test('keeps many files at once apart', async () => {
      await using place = await fresh();
      await using store = await openWithKeys(place.url);
      const files = Array.from({ length: 20 }, (_, n) => ({
        id: newId(),
        bytes: bytesOf(n * 999 + 1),
      }));
      await Promise.all(files.map(({ id, bytes }) => store.write(id, pieces(bytes, 500))));
      for (const { id, bytes } of files) {
        assert.ok((await read(store, id, 0, bytes.byteLength)).equals(bytes));
      }
      await store.remove(files.map(({ id }) => id));
      for (const { id } of files) await assert.rejects(read(store, id, 0, 1), GONE);
    });
  });
}

describe('a folder for files', () => {
  test('has nothing of files that broke off or were removed', async () => {
    await using folder = freshFolder();
    await using store = await openFileStore(folder.url);
    const id = newId();
    await store.write(id, pieces(bytesOf(10), 3));
    const cut = async function* cut(): AsyncGenerator<Uint8Array> {
      yield bytesOf(100);
      throw new Error('cut');
    };
    await assert.rejects(store.write(newId(), cut()));
    await store.remove([id]);
    const entries = readdirSync(folder.path, { recursive: true, withFileTypes: true });
    assert.deepEqual(
      entries.filter((entry) => entry.isFile()),
      [],
    );
  });

  test('that cannot be written is refused with its name', async () => {
    await using folder = freshFolder();
    writeFileSync(join(folder.path, 'files'), 'a file is in its place');
    await using store = await openFileStore(folder.url);
    await assert.rejects(store.check(), {
      ...UNREACHED,
      message: /'\/.*\/files': E.*must be able to write there/,
    });
    await assert.rejects(store.write(newId(), pieces(bytesOf(1), 1)), UNREACHED);
  });
});

describe('a bucket', () => {
  test('gives up the parts of a large file that breaks off, or that it does not take', async () => {
    await using server = await startS3Server();
    await using store = await openWithKeys(server.url);
    const cut = async function* cut(): AsyncGenerator<Uint8Array> {
      yield* pieces(bytesOf(6 * MIB), 64 * 1024);
      throw new Error('cut');
    };
    await assert.rejects(store.write(newId(), cut()), /cut/);
    assert.match(server.requests.at(-1) ?? '', /^DELETE .*uploadId=/);
    server.failAt(/partNumber=2/);
    await assert.rejects(store.write(newId(), pieces(bytesOf(11 * MIB), 64 * 1024)), UNREACHED);
    assert.match(server.requests.at(-1) ?? '', /^DELETE .*uploadId=/);
  });

  test('that refuses the keys says so, and nothing of the keys', async () => {
    await using server = await startS3Server();
    const keys = { ...KEYS, AWS_SECRET_ACCESS_KEY: 'other-secret' };
    await using store = await openWithKeys(server.url, keys);
    await assert.rejects(store.check(), (error: Error) => {
      assert.match(error.message, /s3:\/\/files\/chat\/files\/.*SignatureDoesNotMatch/);
      assert.doesNotMatch(error.message, /other-secret/);
      return true;
    });
  });

  test('that is not there is a clear error', async () => {
    await using server = await startS3Server();
    await using store = await openWithKeys(server.url.replace('s3://files/', 's3://nowhere/'));
    await assert.rejects(store.check(), { ...UNREACHED, message: /NoSuchBucket/ });
  });
});

describe('the variables of a bucket', () => {
  const URL_OF_BUCKET = 's3://bucket/x?region=x&endpoint=http://127.0.0.1:1';

  test('with a key that no header can hold are refused, and the key is not shown', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) {
      for (const key of ['top-secret\nmore', 'top-secret\u2028more']) {
        await assert.rejects(
          openWithKeys(URL_OF_BUCKET, { ...KEYS, [name]: key }),
          (error: Error) => {
            assert.match(error.message, new RegExp(`${name} contains a line break`));
            assert.doesNotMatch(error.message, /secret/);
            return true;
          },
        );
      }
    }
  });

  test('may have white space around them, or be empty', async () => {
    await using server = await startS3Server();
    const url = new URL(server.url);
    const endpoint = url.searchParams.get('endpoint') ?? '';
    url.search = '';
    await using store = await openWithKeys(url.href, {
      AWS_ACCESS_KEY_ID: `${KEYS.AWS_ACCESS_KEY_ID}\n`,
      AWS_SECRET_ACCESS_KEY: ` ${KEYS.AWS_SECRET_ACCESS_KEY}\r\n`,
      AWS_SESSION_TOKEN: ' ',
      AWS_REGION: '',
      AWS_DEFAULT_REGION: 'eu-central-1\n',
      AWS_ENDPOINT_URL_S3: '',
      AWS_ENDPOINT_URL: `${endpoint}\n`,
    });
    await store.check();
  });

  test('with an address where nobody answers: the reason is reported', async () => {
    const server = createServer();
    const port = await localPort(server);
    server.close();
    await using store = await openWithKeys(URL_OF_BUCKET.replace(/1$/, `${port}`));
    await assert.rejects(store.check(), { ...UNREACHED, message: /ECONNREFUSED/ });
  });
});

test('a URL that names no place for files says what to write', async () => {
  for (const [url, reason] of [
    ['/var/files', /file:\/\/\/FOLDER or s3:/],
    ['ftp://x/y', /file:\/\/\/FOLDER or s3:/],
    ['file://host/files', /three slashes/],
    ['s3://bucket', /region=REGION/],
    ['s3://key:secret@bucket?region=x', /leave the keys out/],
    ['s3://bucket?region=x&endpoint=minio', /must begin with https/],
  ] as const) {
    await assert.rejects(openWithKeys(url), { ...INVALID, message: reason }, url);
  }
  const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
  await assert.rejects(openWithKeys('s3://bucket?region=x', none), {
    ...INVALID,
    message: /AWS_ACCESS_KEY_ID/,
  });
});
