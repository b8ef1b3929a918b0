// The command jims-api for the tests that start it: its sources and what they depend on in a few files, made once
// for a whole run. A start from four hundred sources takes twice the time.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';
import type { Plugin } from 'esbuild';

import api from '../packages/jims-api/package.json' with { type: 'json' };
import core from '../packages/jims-core/package.json' with { type: 'json' };

const PACKAGES = fileURLToPath(new URL('../packages', import.meta.url));
const CACHE = resolve('node_modules/.cache');
const MAIN = 'jims-api/src/cli/main.ts';
const SOURCE = '@jims/source';
/** What an app may have from its own imports, too: of these there must be one only. */
const SHARED = ['@opentelemetry/api', 'prom-client'];
/** CommonJS that is imported only when it is needed: in a bundle its names are missing then. */
const LATE = ['@fastify/busboy'];

/** Others in this environment start it (see test/support/command.ts); disposing removes it. */
export interface CommandBundle extends AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>;
}

/** Bundles the command, with the packages that apps import: an app gets those that serve it. */
export async function bundleCommand(): Promise<CommandBundle> {
  await mkdir(CACHE, { recursive: true });
  // Where Node finds what is left out.
  const folder = await mkdtemp(join(CACHE, 'test-command-'));
  const modules = [...modulesOf(api), ...modulesOf(core)];
  await build({
    entryPoints: [
      { in: join(PACKAGES, MAIN), out: 'main' },
      ...modules.map(({ source, file }) => ({ in: source, out: file })),
    ],
    outdir: folder,
    bundle: true,
    // What is loaded only when it is needed stays apart.
    splitting: true,
    format: 'esm',
    platform: 'node',
    conditions: [SOURCE],
    external: [...SHARED, ...LATE, ...optionalPackages()],
    // For packages that are CommonJS.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    plugins: [ownPaths],
  });
  const files = modules.map(({ name, file }) => [
    name,
    pathToFileURL(join(folder, `${file}.js`)).href,
  ]);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'resolve.js'), resolver(files));
  return {
    environment: { TEST_COMMAND_FOLDER: folder },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The modules that a package exports. */
function modulesOf({ name, exports }: typeof api | typeof core): readonly {
  readonly name: string;
  readonly source: string;
  readonly file: string;
}[] {
  return Object.entries<string | { [SOURCE]: string }>(exports).flatMap(([path, target]) =>
    typeof target === 'string'
      ? []
      : [
          {
            name: join(name, path),
            source: join(PACKAGES, name, target[SOURCE]),
            file: join(name, path).replace('/', '-'),
          },
        ],
  );
}

/** What only some installations have, and apps then import themselves; and what the tests alone need. */
function optionalPackages(): readonly string[] {
  const needed = new Set([...Object.keys(api.dependencies), ...Object.keys(core.dependencies)]);
  const others = [api, core].flatMap(({ peerDependencies, devDependencies }) =>
    Object.keys({ ...peerDependencies, ...devDependencies }),
  );
  return [...others.filter((name) => !needed.has(name)), 'esbuild', 'pg-native'];
}

/** Lets each module find what is beside its source. */
const ownPaths: Plugin = {
  name: 'own paths',
  setup(bundler) {
    bundler.onLoad(
      { filter: /[\\/]packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ },
      async ({ path }) => {
        const text = await readFile(path, 'utf8');
        if (!text.includes('import.meta.')) return undefined;
        const contents = text
          .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
          .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)));
        return { loader: 'ts', contents };
      },
    );
  },
};

function resolver(files: readonly (readonly string[])[]): string {
  return `import { registerHooks } from 'node:module';
const FILES = new Map(${JSON.stringify(files)});
registerHooks({
  resolve(specifier, context, next) {
    const url = FILES.get(specifier);
    return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true };
  },
});
`;
}
