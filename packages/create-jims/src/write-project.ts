import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { ProjectFiles } from './project-files.ts';

/** Writes the files into a folder, which is made. A file that is there already is an error, and stays. */
export function writeProject(folder: string, files: ProjectFiles): void {
  for (const [path, text] of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
  }
}
