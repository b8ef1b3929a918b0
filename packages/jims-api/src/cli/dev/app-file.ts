import { join } from 'node:path';

import { isFile } from '../app-loading/source-file.ts';

/** Where an app is looked for when the command names none. */
export const APP_FILES: readonly string[] = ['app.ts', 'app.js', 'src/app.ts', 'src/app.js'];

/** The app of a folder, as `--app` takes it; `undefined` when there is none. */
export function appIn(folder: string): string | undefined {
  const file = APP_FILES.find((each) => isFile(join(folder, each)));
  return file && `./${file}`;
}
