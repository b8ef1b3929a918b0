// Front-end frameworks bundle what they serve: nothing that an app need not install may be in its way.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { build } from 'esbuild';

import core from '../../../jims-core/package.json' with { type: 'json' };
import api from '../../package.json' with { type: 'json' };
import { folderWith } from '../support/command.ts';

const ENTRY = fileURLToPath(new URL('../../src/index.ts', import.meta.url));

test('a bundler looks for no package that is optional', async () => {
  const own = new Set(Object.keys(api.dependencies));
  const optional = Object.keys(core.peerDependenciesMeta).filter((name) => !own.has(name));
  assert.ok(optional.includes('@ai-sdk/anthropic'));
  const lookedFor = new Set<string>();
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    conditions: ['@jims/source'],
    // Published, they are text and nothing else; their sources need what only this repository has.
    external: ['jims-playground', 'jims-widget'],
    logLevel: 'silent',
    plugins: [
      {
        name: 'as if not installed',
        setup(bundler) {
          bundler.onResolve({ filter: /^[^./]/ }, ({ path }) => {
            const name = optional.find((each) => path === each || path.startsWith(`${each}/`));
            if (name === undefined) return undefined;
            lookedFor.add(name);
            return { errors: [{ text: `${name} is not installed` }] };
          });
        },
      },
    ],
  });
  assert.deepEqual([...lookedFor], []);
  // As an asset a bundler's own URL would be in its place.
  assert.doesNotMatch(outputFiles[0]?.text ?? '', /new URL\([^)]*import\.meta\.url/);
});

test('a bundle answers that does not know where it is, as those of Next.js', async () => {
  using folder = folderWith({
    'entry.ts': `import { createApi } from ${JSON.stringify(ENTRY)};
import { defineApp } from 'jims-core';

const app = defineApp({ store: 'sqlite::memory:', pipeline: (ctx) => ctx.sendMessage('hi') });
const body = JSON.stringify({ contact_id: 'c', message: 'Hello' });
const headers = { 'content-type': 'application/json' };
createApi(app)
  .fetch(new Request('http://localhost/api/v1/chat', { method: 'POST', headers, body }))
  .then(async (response) => console.log((await response.json()).assistant_messages))
  .finally(() => app.close());
`,
  });
  const outfile = join(folder.path, 'bundle.cjs');
  await build({
    entryPoints: [join(folder.path, 'entry.ts')],
    outfile,
    bundle: true,
    // Has no `import.meta`.
    format: 'cjs',
    platform: 'node',
    conditions: ['@jims/source'],
    nodePaths: [fileURLToPath(new URL('../../../../node_modules', import.meta.url))],
    external: ['jims-playground', 'jims-widget', ...Object.keys(core.peerDependenciesMeta)],
    logLevel: 'silent',
  });
  const { stdout } = await promisify(execFile)(process.execPath, [outfile]);
  assert.equal(stdout, "[ 'hi' ]\n");
});
