import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { mount } from './mount.ts';

/** A file system of its own, which can be made full. */
export interface SmallDisk extends Disposable {
  readonly folder: string;
  /** Leaves not a byte. */
  fill(): void;
  /** The space is there again. */
  free(): void;
}

/** Throws {@link Skipped} where none can be made: it takes root on Linux. */
export function mountSmallDisk(folder: string, kib: number): SmallDisk {
  const disk = mount(folder, '-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs');
  const filler = join(folder, 'filler');
  return {
    folder,
    fill() {
      const descriptor = openSync(filler, 'a');
      const page = Buffer.alloc(4096);
      try {
        for (;;) writeSync(descriptor, page);
      } catch (error) {
        if (!isFull(error)) throw error;
      } finally {
        closeSync(descriptor);
      }
    },
    free: () => rmSync(filler, { force: true }),
    [Symbol.dispose]: () => disk[Symbol.dispose](),
  };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
