// Front-end frameworks bundle what they serve: nothing that an app need not install may be in its way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import core from '../../../jims-core/package.json' with { type: 'json' };
import api from '../../package.json' with { type: 'json' };

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
