import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { isJimsError } from '../../src/errors/jims-error.ts';
import type { FileRange, FileStore } from '../../src/store/store.ts';

const KB = 1024;

/** The promises that each place for files makes. */
export function fileStoreSuite(
  open: () => Promise<AsyncDisposable & { readonly fileStore: FileStore }>,
): void {
  test('a file comes back as it was written, whatever pieces it came in', async () => {
    await using opened = await open();
    const { fileStore } = opened;
    for (const sizes of [[], [0], [1], [256 * KB], [256 * KB, 1], [1, 300 * KB, 0, 700 * KB, 3]]) {
      const fileId = randomUUID();
      const pieces = sizes.map((size) => randomBytes(size));
      await fileStore.write(fileId, inPieces(pieces));
      const whole = Buffer.concat(pieces);
      const read = await readAll(fileStore, fileId, { start: 0, end: whole.length });
      assert.ok(read.equals(whole), sizes.join());
    }
  });

  test('the pieces of a sender may share one buffer', async () => {
    await using opened = await open();
    const fileId = randomUUID();
    await opened.fileStore.write(fileId, oneBuffer(600 * KB));
    const read = await readAll(opened.fileStore, fileId, { start: 0, end: 1800 * KB });
    for (const [index, byte] of [1, 2, 3].entries()) {
      const part = read.subarray(index * 600 * KB, (index + 1) * 600 * KB);
      assert.ok(part.every((each) => each === byte));
    }
  });

  test('any range of a file is read', async () => {
    await using opened = await open();
    const { fileStore } = opened;
    const fileId = randomUUID();
    const bytes = randomBytes(600 * KB);
    await fileStore.write(fileId, inPieces([bytes]));
    for (const [start, end] of [
      [0, 1],
      [0, 0],
      [10, 20],
      [256 * KB - 1, 256 * KB + 1],
      [256 * KB, 512 * KB],
      [5, 600 * KB],
      [600 * KB - 1, 600 * KB],
    ] as const) {
      const read = await readAll(fileStore, fileId, { start, end });
      assert.ok(read.equals(bytes.subarray(start, end)), `${start}-${end}`);
    }
  });

  test('a file is read piece by piece, at the pace of its reader', async () => {
    await using opened = await open();
    const { fileStore } = opened;
    const fileId = randomUUID();
    const size = 2000 * KB;
    await fileStore.write(fileId, inPieces([randomBytes(size)]));
    // Many readers that are slow keep nobody else out.
    const slow = Array.from({ length: 30 }, () =>
      fileStore.read(fileId, { start: 0, end: size })[Symbol.asyncIterator](),
    );
    for (const reader of slow) {
      const { value } = await reader.next();
      assert.ok(value instanceof Uint8Array && value.length > 0 && value.length < size);
    }
    assert.equal((await readAll(fileStore, fileId, { start: 0, end: size })).length, size);
    for (const reader of slow) await reader.return?.();
  });

  test('nothing is left of a file whose sender breaks off', async () => {
    await using opened = await open();
    const { fileStore } = opened;
    const fileId = randomUUID();
    const broken = new Error('The sender is gone');
    await assert.rejects(fileStore.write(fileId, breakingOff(700 * KB, broken)), broken);
    await isGone(fileStore, fileId);
    await fileStore.write(fileId, inPieces([Buffer.from('again')]));
    assert.equal(String(await readAll(fileStore, fileId, { start: 0, end: 5 })), 'again');
  });

  test('files that are removed are gone, and others stay', async () => {
    await using opened = await open();
    const { fileStore } = opened;
    const ids = [randomUUID(), randomUUID(), randomUUID()] as const;
    for (const id of ids) await fileStore.write(id, inPieces([randomBytes(300 * KB)]));
    await fileStore.remove([ids[0], randomUUID(), ids[1]]);
    await fileStore.remove([ids[0]]);
    await fileStore.remove([]);
    await isGone(fileStore, ids[0]);
    await isGone(fileStore, ids[1]);
    const kept = await readAll(fileStore, ids[2], { start: 0, end: 300 * KB });
    assert.equal(kept.length, 300 * KB);
    await fileStore.check();
  });

  test('a reader of a file that is removed learns that it is gone', async () => {
    await using opened = await open();
    const { fileStore } = opened;
    const fileId = randomUUID();
    const size = 8000 * KB;
    await fileStore.write(fileId, inPieces([randomBytes(size)]));
    const reader = fileStore.read(fileId, { start: 0, end: size })[Symbol.asyncIterator]();
    let read = (await reader.next()).value?.length ?? 0;
    await fileStore.remove([fileId]);
    // A file that is open may be read to its end; never does it end before that without an error.
    try {
      for (;;) {
        const { done, value } = await reader.next();
        if (done) break;
        read += value.length;
      }
      assert.equal(read, size);
    } catch (error) {
      assert.ok(isJimsError(error) && error.code === 'file_gone', String(error));
    }
  });
}

async function readAll(fileStore: FileStore, fileId: string, range: FileRange): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of fileStore.read(fileId, range)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* inPieces(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece;
}

async function* oneBuffer(size: number): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(size);
  for (const byte of [1, 2, 3]) yield buffer.fill(byte);
}

async function* breakingOff(size: number, error: Error): AsyncGenerator<Uint8Array> {
  yield randomBytes(size);
  throw error;
}

async function isGone(fileStore: FileStore, fileId: string): Promise<void> {
  await assert.rejects(
    readAll(fileStore, fileId, { start: 0, end: 5 }),
    (error) => isJimsError(error) && error.code === 'file_gone',
  );
}
