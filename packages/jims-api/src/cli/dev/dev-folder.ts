import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describeError } from 'jims-core/host';

import { StartError } from '../options/environment.ts';

/**
 * Makes the folder `.jims` for what development leaves behind, which git ignores.
 *
 * @throws StartError
 */
export function makeDevFolder(cwd: string): void {
  const folder = join(cwd, '.jims');
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (cause) {
    if (Error.isError(cause) && 'code' in cause && cause.code === 'EEXIST') return;
    const reason = describeError(cause).message;
    throw new StartError(`The folder ${folder} cannot be made: ${reason}`, { cause });
  }
}
