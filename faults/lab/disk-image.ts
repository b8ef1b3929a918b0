import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { asRoot, mount } from './mount.ts';

/** A file system in a file: what is in the file is on its disk, and what the kernel still holds is not. */
export interface DiskImage extends Disposable {
  readonly folder: string;
  /** Copies what is on the disk at one moment; nobody may write to it meanwhile on purpose. */
  copyTo(file: string): void;
}

const BYTES = 96 * 1024 * 1024;
const TRIES = 20;

/** Makes one, and mounts it. Throws `Skipped` where that is not possible: it takes root on Linux. */
export function makeDiskImage(folder: string): DiskImage {
  const file = join(folder, 'disk.img');
  writeFileSync(file, '');
  truncateSync(file, BYTES);
  asRoot('mkfs.ext4', '-q', file);
  const disk = mountImage(file);
  return {
    folder: disk.folder,
    copyTo(copy) {
      // The kernel may write by itself. Two equal readings are what was there between them.
      let before = readFileSync(file);
      for (let tries = 0; tries < TRIES; tries++) {
        const after = readFileSync(file);
        if (before.equals(after)) return writeFileSync(copy, after);
        before = after;
      }
      throw new Error('The disk does not come to rest');
    },
    [Symbol.dispose]: () => disk[Symbol.dispose](),
  };
}

/** Mounts an image, as after the power came back. */
export function mountImage(file: string): Disposable & { readonly folder: string } {
  const folder = `${file}.mounted`;
  const mounted = mount(folder, '-o', 'loop', file);
  return { folder, [Symbol.dispose]: () => mounted[Symbol.dispose]() };
}
