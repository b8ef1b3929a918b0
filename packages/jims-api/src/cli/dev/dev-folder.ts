import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describeError } from 'jims-core/host';

import { isFile } from '../app-loading/source-file.ts';
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

/** Where an app is looked for when the command names none. */
export const APP_FILES: readonly string[] = ['app.ts', 'app.js', 'src/app.ts', 'src/app.js'];

/** The app of a folder, as `--app` takes it; `undefined` for a folder without an app. */
export function appIn(folder: string): string | undefined {
  const file = APP_FILES.find((each) => isFile(join(folder, each)));
  return file && `./${file}`;
}
