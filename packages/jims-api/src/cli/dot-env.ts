import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

import type { Environment } from './option-table.ts';

/** The environment with what a file `.env` in the folder adds; it never replaces what is set. */
export function readDotEnv(folder: string, env: Environment): Environment {
  let text: string;
  try {
    text = readFileSync(join(folder, '.env'), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return env;
    throw error;
  }
  // Editors on Windows put a byte order mark in front, which would become part of the first name.
  return { ...parseEnv(text.replace(/^\uFEFF/, '')), ...env };
}
