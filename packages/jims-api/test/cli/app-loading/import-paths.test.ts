// Where the imports of an app lead to by its tsconfig.json, and where not.
import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { EOL } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { folderWith, runCommand } from '../../support/command.ts';
import { loadApps } from '../../support/load-apps.ts';
import type { AppFiles, LoadOutcome } from '../../support/load-apps.ts';

/** An app that has the name of what it imports. */
function naming(specifier: string): string {
  return `import { it } from '${specifier}';\nexport const app = { name: it satisfies unknown, run: () => {} };\n`;
}

/** Loads all apps at once, and tests of each that it has the right name. */
function testNames(apps: Readonly<Record<string, AppFiles & { readonly name?: string }>>): void {
  let outcomes: readonly LoadOutcome[] = [];
  before(async () => {
    outcomes = await loadApps(Object.values(apps));
  });
  for (const [index, [title, { name = 'right' }]] of Object.entries(apps).entries()) {
    test(title, () => assert.deepEqual(outcomes[index], { kind: 'a pipeline', name }));
  }
}

const it = (text: string): string => `export const it: unknown = '${text}';\n`;
const config = (compilerOptions: object, more: object = {}): string =>
  JSON.stringify({ compilerOptions, ...more });

describe('an import leads where tsconfig.json says', () => {
  const sources = {
    'a.mts': it('a'),
    'b.cts': "exports.it = 'b';\n",
    'c.js': "export const it = 'c';\n",
    'd.mjs': "export const it = 'd';\n",
    'e.cjs': "exports.it = 'e';\n",
    'f/index.ts': it('f'),
    'g/index.mts': it('g'),
    'h/index.js': "export const it = 'h';\n",
  };
  const names = Object.keys(sources).map((file) => file.charAt(0));
  const imports = names.map(
    (name) =>
      `import { it as ${name}1 } from '~/${name}';\nimport { it as ${name}2 } from './lib/${name}';\n`,
  );
  const imported = names.flatMap((name) => [`${name}1`, `${name}2`]).join();

  testNames({
    'paths that a base in a folder above has': {
      files: {
        'tsconfig.base.json': config({ paths: { '@acme/tone': ['./libs/tone.ts'] } }),
        'libs/tone.ts': it('right'),
        'package.json': '{"workspaces":["apps/*"]}',
        'apps/a/package.json': '{"type":"module"}',
        'apps/a/tsconfig.json': config({}, { extends: '../../tsconfig.base.json' }),
        'apps/a/app.ts': naming('@acme/tone'),
      },
      cwd: 'apps/a',
    },
    'a base without its ending, of which the own paths win': {
      files: {
        'base.json': config({ paths: { '~/*': ['./wrong/*'] } }),
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }, { extends: './base' }),
        'lib/x.ts': it('right'),
        'wrong/x.ts': it('wrong'),
        'app.ts': naming('~/x'),
      },
    },
    'the last of several bases, in a chain': {
      files: {
        'one.json': config({ paths: { '~/*': ['./wrong/*'] } }),
        'two.json': config({}, { extends: './three.json' }),
        'three.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'tsconfig.json': config({}, { extends: ['./one.json', './two.json'] }),
        'lib/x.ts': it('right'),
        'wrong/x.ts': it('wrong'),
        'app.ts': naming('~/x'),
      },
    },
    'a base from a package': {
      files: {
        'node_modules/@acme/config/tsconfig.json': config({
          paths: { '~/*': [`\${configDir}/lib/*`] },
        }),
        'tsconfig.json': config({}, { extends: '@acme/config' }),
        'lib/x.ts': it('right'),
        'app.ts': naming('~/x'),
      },
    },
    'a base that a package names in its package.json': {
      files: {
        'node_modules/config/package.json': '{"tsconfig":"strict.json"}',
        'node_modules/config/strict.json': config({ paths: { '~/*': [`\${configDir}/lib/*`] } }),
        'tsconfig.json': config({}, { extends: 'config' }),
        'lib/x.ts': it('right'),
        'app.ts': naming('~/x'),
      },
    },
    'a base among the exports of a package': {
      files: {
        'node_modules/config/package.json': '{"exports":{"./strict":"./of/strict.json"}}',
        'node_modules/config/of/strict.json': config({ baseUrl: `\${configDir}/lib` }),
        'tsconfig.json': config({}, { extends: 'config/strict' }),
        'lib/x.ts': it('right'),
        'app.ts': naming('x'),
      },
    },
    'bases that extend each other': {
      files: {
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }, { extends: './base.json' }),
        'base.json': config({}, { extends: './tsconfig.json' }),
        'lib/x.ts': it('right'),
        'app.ts': naming('~/x'),
      },
    },
    'baseUrl alone': {
      files: {
        'tsconfig.json': config({ baseUrl: './src' }),
        'src/lib/x.ts': it('right'),
        'app.ts': naming('lib/x'),
      },
    },
    'paths from baseUrl on, and what is not among them': {
      files: {
        'tsconfig.json': config({ baseUrl: 'src', paths: { '@/*': ['lib/*'] } }),
        'src/lib/x.ts': "import { right } from 'deep/y';\nexport const it = right;\n",
        'src/deep/y.ts': "export const right = 'right';\n",
        'app.ts': naming('@/x'),
      },
    },
    'the second of two targets': {
      files: {
        'tsconfig.json': config({ paths: { '~/*': ['./generated/*', './lib/*'] } }),
        'lib/x.ts': it('right'),
        'app.ts': naming('~/x'),
      },
    },
    'the longest pattern, and an exact one before it': {
      files: {
        'tsconfig.json': config({
          paths: {
            '*': ['./wrong/*'],
            '~/a/*': ['./lib/*'],
            '~/*': ['./wrong/*'],
            '~/a/b': ['./b'],
          },
        }),
        'lib/x.ts': "import { right } from '~/a/b';\nexport const it = right;\n",
        'b.ts': "export const right = 'right';\n",
        'wrong/a/x.ts': it('wrong'),
        'wrong/~/a/x.ts': it('wrong'),
        'app.ts': naming('~/a/x'),
      },
    },
    'a name with signs that mean something in a replacement': {
      files: {
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'lib/$&x$1.ts': it('right'),
        'app.ts': naming('~/$&x$1'),
      },
    },
    'the file that an empty tsconfig.json refers to': {
      files: {
        'tsconfig.json': JSON.stringify({
          files: [],
          references: [{ path: './tsconfig.node.json' }, { path: './tsconfig.app.json' }],
        }),
        'tsconfig.node.json': config({}),
        'tsconfig.app.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'lib/x.ts': it('right'),
        'app.ts': naming('~/x'),
      },
    },
    'the aliases of a workspace package, for its own files': {
      files: {
        'package.json': '{"workspaces":{"packages":["packages/*","apps/*"]}}',
        'apps/a/package.json': '{"type":"module"}',
        'apps/a/tsconfig.json': config({
          paths: { '@acme/*': ['../../packages/*'], '~/*': ['./wrong/*'] },
        }),
        'apps/a/app.ts': naming('@acme/tone'),
        'apps/a/wrong/x.ts': it('wrong'),
        'packages/tone/package.json': '{"type":"module","main":"src/tone.ts"}',
        'packages/tone/tsconfig.json': config({ paths: { '~/*': ['./src/*'] } }),
        'packages/tone/src/tone.ts': "export { it } from '~/x';\n",
        'packages/tone/src/x.ts': it('right'),
      },
      cwd: 'apps/a',
    },
    'the tsconfig.json of the workspace, where the package has none': {
      files: {
        'package.json': '{}',
        'pnpm-workspace.yaml': 'packages:\n  - apps/*\n',
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'lib/x.ts': it('right'),
        'apps/a/package.json': '{"type":"module"}',
        'apps/a/app.ts': naming('~/x'),
      },
      cwd: 'apps/a',
    },
    'any ending, and the index of a folder, by an alias and by a relative name': {
      files: {
        'package.json': '{"type":"module"}',
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }),
        ...Object.fromEntries(
          Object.entries(sources).map(([file, source]) => [`lib/${file}`, source]),
        ),
        'app.ts': `${imports.join('')}export const app = { name: [${imported}].join(''), run: () => {} };\n`,
      },
      name: names.map((name) => name + name).join(''),
    },
    'what CommonJS requires, and the imports of package.json': {
      files: {
        'package.json': '{"type":"commonjs","imports":{"#lib/*":"./lib/*.js"}}',
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'lib/x.ts': "exports.it = require('~/y').it;\n",
        'lib/y.ts': "exports.it = require('#lib/z').it;\n",
        'lib/z.ts': "exports.it = 'right';\n",
        'app.ts': "exports.app = { name: require('./lib/x').it, run: () => {} };\n",
      },
    },
    'a module of Node, which stays one': {
      files: {
        'tsconfig.json': config({ baseUrl: '.', paths: { '*': ['./lib/*'] } }),
        'lib/os.ts': 'export const EOL: string = "wrong";\n',
        'lib/fs/promises.ts': '',
        'app.ts':
          "import { EOL } from 'os';\nimport 'fs/promises';\nexport const app = { name: `right${EOL}`, run: () => {} };\n",
      },
      name: `right${EOL}`,
    },
  });
});

describe('an alias is for the files of its project alone', () => {
  const EVIL = "console.log('EVIL CODE RAN');\nexport const it = 'wrong';\n";
  const SERVED =
    'export const app = (ctx: unknown) => ctx;\nsetTimeout(() => process.exit(0), 10_000).unref();\n';

  test('no package gets its own dependencies from it, neither this one nor those of others', async () => {
    const names = ['pg', 'zod', 'pino', 'hono', 'valibot', 'jose', 'jims-core', 'dep'];
    using folder = folderWith({
      'package.json': '{"type":"module"}',
      'tsconfig.json': config({ baseUrl: '.', paths: { '*': ['./src/*'] } }),
      ...Object.fromEntries(names.map((name) => [`src/${name}.ts`, EVIL])),
      'src/jose/jwt/verify.ts': EVIL,
      'node_modules/pkg/package.json': '{"type":"module","main":"index.js"}',
      'node_modules/pkg/index.js': "export { it } from 'dep';\n",
      'node_modules/dep/package.json': '{"type":"module","main":"index.js"}',
      'node_modules/dep/index.js': "export const it = 'right';\n",
      'app.ts': `import { it } from 'pkg';\nconsole.log(it);\n${SERVED}`,
    });
    // A database that is not there: its driver is loaded all the same.
    const database = ['--db', 'postgresql://u@127.0.0.1:1/x'];
    const { stdout, stderr, code } = await runCommand(
      ['--app', './app.ts', ...database, '--port', '0', '--metrics-port', '0'],
      { cwd: folder.path },
    );
    assert.equal(stdout, 'right\n');
    assert.match(stderr, /127\.0\.0\.1:1\/x does not answer/);
    assert.equal(code, 1);
  });

  const inParent = {
    'parent/tsconfig.json': config({ paths: { '*': ['./evil.ts'] } }),
    'parent/evil.ts': EVIL,
    'parent/proj/node_modules/dep/package.json': '{"type":"module","main":"index.js"}',
    'parent/proj/node_modules/dep/index.js': "export const it = 'right';\n",
    'parent/proj/app.ts': naming('dep'),
  };
  const cwd = 'parent/proj';
  const packaged = { ...inParent, 'parent/proj/package.json': '{"type":"module"}' };
  const workspace = { ...packaged, 'parent/package.json': '{"workspaces":["*"]}' };
  const givenAway = (name: string) => (folder: string) => {
    chownSync(join(folder, 'parent', name), 12_345, 12_345);
  };
  testNames({
    'a foreign folder above has no say': { files: inParent, cwd },
    'nor has it in a package': { files: packaged, cwd },
    'nor has the workspace of others': {
      files: { ...packaged, 'parent/package.json': '{"workspaces":["apps/*"]}' },
      cwd,
    },
    // Only root gives files away.
    ...(process.getuid?.() === 0 && {
      'nor has the tsconfig.json of another user in the workspace': {
        files: workspace,
        cwd,
        prepare: givenAway('tsconfig.json'),
      },
      'nor has a workspace of another user': {
        files: workspace,
        cwd,
        prepare: givenAway('package.json'),
      },
    }),
  });
});

test('an alias that leads to nothing is explained', async () => {
  const reasons = [
    [
      { 'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }) },
      /\nIt is an alias, "~\/\*" in tsconfig\.json, but there is no module at lib\/x$/,
    ],
    [
      { 'tsconfig.json': config({}, { extends: '@acme/config' }) },
      /\ntsconfig\.json extends '@acme\/config', which is not there$/,
    ],
    [
      { 'tsconfig.json': '{ "compilerOptions": }' },
      /\ntsconfig\.json cannot be read: Unexpected token .*$/,
    ],
  ] as const;
  const apps = reasons.map(([files]) => ({ files: { ...files, 'app.ts': naming('~/x') } }));
  for (const [index, outcome] of (await loadApps(apps)).entries()) {
    assert.ok('refusal' in outcome);
    assert.match(outcome.refusal, /^Cannot load '\.\/app\.ts': .*'~.* \(app\.ts:1\)\n/);
    assert.match(outcome.refusal, reasons[index]?.[1] ?? /$^/);
  }
});
