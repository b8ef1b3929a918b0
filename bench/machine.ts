import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';

import { median, rounded } from './numbers.ts';

const SYNCS = 50;
const GIB = 2 ** 30;

/** What the figures depend on. `folder` is where the databases are. */
export function machineFacts(folder: string): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const memory = `${rounded(totalmem() / GIB)} GiB`;
  return [
    `${platform()} ${release()} ${arch()}, ${availableParallelism()} cores (${model}), ${memory}`,
    `Node ${process.version}, fsync ${rounded(fsyncMs(folder))} ms, load before ${rounded(loadavg()[0] ?? 0)}`,
  ].join('\n');
}

/** The median time until a few bytes are on disk; next to nothing where the folder is in memory. */
function fsyncMs(folder: string): number {
  const file = openSync(join(folder, 'fsync'), 'w');
  const times = Array.from({ length: SYNCS }, () => {
    writeSync(file, Buffer.alloc(4096));
    const started = performance.now();
    fsyncSync(file);
    return performance.now() - started;
  });
  closeSync(file);
  return median(times);
}
