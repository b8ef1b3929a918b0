import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Bench } from '../scenario.ts';
import type { BenchDatabase } from '../stores/bench-database.ts';
import { startProgram } from './program.ts';
import type { Program } from './program.ts';

export interface OursOptions {
  readonly database: BenchDatabase;
  /** File of the app; the echo example by default. */
  readonly app?: string;
  /** More flags of the command. */
  readonly flags?: readonly string[];
}

const COMMAND = fileURLToPath(new URL('../../packages/jims-api/bin/jims-api.js', import.meta.url));
const ECHO = fileURLToPath(new URL('../../examples/echo/app.ts', import.meta.url));

/** The built command, as users start it. */
export function startOurs(
  { folder, profileFolder }: Bench,
  { database, app = ECHO, flags = [] }: OursOptions,
): Promise<Program> {
  const profile =
    profileFolder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileFolder];
  const fixed = ['--host', '127.0.0.1', '--metrics-port', '0', '--db', database.url];
  return startProgram({
    database,
    logFile: join(folder, 'ours.log'),
    args: (port) => [
      ...profile,
      COMMAND,
      '--app',
      `${app}:app`,
      '--port',
      String(port),
      ...fixed,
      ...flags,
    ],
  });
}
