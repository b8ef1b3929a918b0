import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as v from 'valibot';

import { folderWith, runCommand } from './command.ts';

const LOAD_PROGRAM = fileURLToPath(new URL('load-program.ts', import.meta.url));

/** The files of an app that is to be loaded. */
export interface AppFiles {
  readonly files: Readonly<Record<string, string | Buffer>>;
  /** Default: `./app.ts`. */
  readonly reference?: string;
  /** A folder in that of the files; default: the same. */
  readonly cwd?: string;
  /** Called before it is loaded. */
  readonly prepare?: (folder: string) => void;
}

const Outcome = v.union([
  v.strictObject({ kind: v.string(), name: v.optional(v.string()) }),
  v.strictObject({ refusal: v.string() }),
]);

/** What was loaded, with the name of a pipeline, or why it was refused, without the path of the folder. */
export type LoadOutcome = v.InferOutput<typeof Outcome>;

const OutcomeLine = v.pipe(v.string(), v.parseJson(), Outcome);

/** Loads apps as `jims-api` does, in a process of their own, each from a folder of its own. */
export async function loadApps(apps: readonly AppFiles[]): Promise<readonly LoadOutcome[]> {
  using cleanup = new DisposableStack();
  const loads = apps.map(({ files, reference = './app.ts', cwd = '.', prepare }) => {
    const { path } = cleanup.use(folderWith(files));
    prepare?.(path);
    return { path, reference, cwd: join(path, cwd) };
  });
  const program = ['--conditions=@jims/source', LOAD_PROGRAM];
  const argument = JSON.stringify(loads.map(({ reference, cwd }) => ({ reference, cwd })));
  const { stdout, stderr } = await runCommand([argument], { cwd: '/', program });
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, apps.length, stdout + stderr);
  return lines.map((line, index) => {
    const shown = line.replaceAll(`${loads[index]?.path}/`, '');
    return v.parse(OutcomeLine, shown);
  });
}

/** The only outcome of an app that needs a process for itself. */
export async function loadAlone(app: AppFiles): Promise<LoadOutcome> {
  const [outcome] = await loadApps([app]);
  assert.ok(outcome);
  return outcome;
}
