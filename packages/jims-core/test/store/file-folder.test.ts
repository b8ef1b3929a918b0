// Files beside a SQLite file, and their records, as far as only SQLite has them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { DirectoryFileStore } from '../../src/store/files/directory-file-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { FileStore } from '../../src/store/store.ts';
import { freshSqlite } from '../support/sqlite.ts';

test('files are beside the database, for its user alone, and no half one stays', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const folder = `${file.path}-files`;
  assert.equal(existsSync(folder), false, 'made when it is needed');
  const { fileStore } = store;
  assert.ok(fileStore.description.includes(folder));
  const [one, two] = [randomUUID(), randomUUID()];
  await fileStore.write(one, piecesOf('Hello, ', 'file'));
  assert.equal(await readAll(fileStore, one, 0, 11), 'Hello, file');
  assert.equal(await readAll(fileStore, one, 7, 9), 'fi');
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const [path = ''] = filesIn(folder);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(
    fileStore.write(
      two,
      (async function* () {
        yield Buffer.from('half');
        throw new Error('The client left');
      })(),
    ),
    /The client left/,
  );
  assert.deepEqual(filesIn(folder), [path]);
  await assert.rejects(readAll(fileStore, two, 0, 4), { code: 'file_gone' });
  await assert.rejects(readAll(fileStore, one, 5, 50), { code: 'file_gone' });
  // As a process leaves it that dies while it writes.
  writeFileSync(`${path}.half`, 'half');
  await fileStore.remove([one, two, 'no-uuid']);
  assert.deepEqual(filesIn(folder), []);
  await assert.rejects(readAll(fileStore, one, 0, 1), { code: 'file_gone' });
});

test('an id that leads out of the folder reads, writes and removes nothing', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const { fileStore } = store;
  for (const id of ['../test.db', `../../${randomUUID()}`, '/etc/passwd', '']) {
    await assert.rejects(readAll(fileStore, id, 0, 1), { code: 'file_gone' });
    await assert.rejects(fileStore.write(id, piecesOf('x')));
    await fileStore.remove([id]);
  }
  assert.ok(existsSync(file.path));
});

test('a place that takes no files says so, and what to do', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'jims-test-'));
  const path = join(parent, 'a file');
  try {
    writeFileSync(path, '');
    const store = new DirectoryFileStore(path);
    const refusal = { code: 'store_unavailable', message: /must be able to write there/ };
    await assert.rejects(store.check(), refusal);
    await assert.rejects(store.write(randomUUID(), piecesOf('x')), { code: 'store_unavailable' });
    await new DirectoryFileStore(join(parent, 'new')).check();
    assert.deepEqual(readdirSync(join(parent, 'new')), []);
  } finally {
    rmSync(parent, { recursive: true });
  }
});

test('a store in memory has its files there', async () => {
  await using store = await openStore('sqlite::memory:');
  const id = randomUUID();
  const piece = Buffer.from('abc');
  await store.fileStore.write(id, piecesOf(piece, piece));
  piece.fill(0);
  assert.equal(await readAll(store.fileStore, id, 2, 5), 'cab');
  await assert.rejects(readAll(store.fileStore, id, 0, 7), { code: 'file_gone' });
  await store.fileStore.remove([id]);
  await assert.rejects(readAll(store.fileStore, id, 0, 1), { code: 'file_gone' });
});

async function* piecesOf(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

async function readAll(store: FileStore, id: string, start: number, end: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.read(id, { start, end })) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}
