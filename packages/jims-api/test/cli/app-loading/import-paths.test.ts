// Where the imports of an app lead to by its tsconfig.json, and where not.
import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { folderWith, runCommand, runLoader } from '../../support/command.ts';
import type { Ended } from '../../support/command.ts';

type Files = Readonly<Record<string, string>>;

/** Loads `./app.ts`, which is to print something and to end the process. */
async function load(files: Files, cwd = '.'): Promise<Ended> {
  using folder = folderWith(files);
  return await runLoader('./app.ts', join(folder.path, cwd));
}

/** An app that prints what it imports. */
function printing(specifier: string): string {
  return `import { it } from '${specifier}';\nconsole.log(it satisfies unknown);\nprocess.exit(0);\n`;
}

const it = (text: string): string => `export const it: unknown = '${text}';\n`;
const config = (compilerOptions: object, more: object = {}): string =>
  JSON.stringify({ compilerOptions, ...more });

describe('an import leads where tsconfig.json says', { concurrency: 2 }, () => {
  const cases: Readonly<Record<string, readonly [files: Files, cwd?: string]>> = {
    'paths that a base in a folder above has': [
      {
        'tsconfig.base.json': config({ paths: { '@acme/tone': ['./libs/tone.ts'] } }),
        'libs/tone.ts': it('right'),
        'package.json': '{"workspaces":["apps/*"]}',
        'apps/a/package.json': '{"type":"module"}',
        'apps/a/tsconfig.json': config({}, { extends: '../../tsconfig.base.json' }),
        'apps/a/app.ts': printing('@acme/tone'),
      },
      'apps/a',
    ],
    'a base without its ending, of which the own paths win': [
      {
        'base.json': config({ paths: { '~/*': ['./wrong/*'] } }),
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }, { extends: './base' }),
        'lib/x.ts': it('right'),
        'wrong/x.ts': it('wrong'),
        'app.ts': printing('~/x'),
      },
    ],
    'the last of several bases, in a chain': [
      {
        'one.json': config({ paths: { '~/*': ['./wrong/*'] } }),
        'two.json': config({}, { extends: './three.json' }),
        'three.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'tsconfig.json': config({}, { extends: ['./one.json', './two.json'] }),
        'lib/x.ts': it('right'),
        'wrong/x.ts': it('wrong'),
        'app.ts': printing('~/x'),
      },
    ],
    'a base from a package': [
      {
        'node_modules/@acme/config/tsconfig.json': config({
          paths: { '~/*': [`\${configDir}/lib/*`] },
        }),
        'tsconfig.json': config({}, { extends: '@acme/config' }),
        'lib/x.ts': it('right'),
        'app.ts': printing('~/x'),
      },
    ],
    'a base that a package names in its package.json': [
      {
        'node_modules/config/package.json': '{"tsconfig":"strict.json"}',
        'node_modules/config/strict.json': config({ paths: { '~/*': [`\${configDir}/lib/*`] } }),
        'tsconfig.json': config({}, { extends: 'config' }),
        'lib/x.ts': it('right'),
        'app.ts': printing('~/x'),
      },
    ],
    'a base among the exports of a package': [
      {
        'node_modules/config/package.json': '{"exports":{"./strict":"./of/strict.json"}}',
        'node_modules/config/of/strict.json': config({ baseUrl: `\${configDir}/lib` }),
        'tsconfig.json': config({}, { extends: 'config/strict' }),
        'lib/x.ts': it('right'),
        'app.ts': printing('x'),
      },
    ],
    'bases that extend each other': [
      {
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }, { extends: './base.json' }),
        'base.json': config({}, { extends: './tsconfig.json' }),
        'lib/x.ts': it('right'),
        'app.ts': printing('~/x'),
      },
    ],
    'baseUrl alone': [
      {
        'tsconfig.json': config({ baseUrl: './src' }),
        'src/lib/x.ts': it('right'),
        'app.ts': printing('lib/x'),
      },
    ],
    'paths from baseUrl on, and what is not among them': [
      {
        'tsconfig.json': config({ baseUrl: 'src', paths: { '@/*': ['lib/*'] } }),
        'src/lib/x.ts': "import { right } from 'deep/y';\nexport const it = right;\n",
        'src/deep/y.ts': "export const right = 'right';\n",
        'app.ts': printing('@/x'),
      },
    ],
    'the second of two targets': [
      {
        'tsconfig.json': config({ paths: { '~/*': ['./generated/*', './lib/*'] } }),
        'lib/x.ts': it('right'),
        'app.ts': printing('~/x'),
      },
    ],
    'the longest pattern, and an exact one before it': [
      {
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
        'app.ts': printing('~/a/x'),
      },
    ],
    'a name with signs that mean something in a replacement': [
      {
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'lib/$&x$1.ts': it('right'),
        'app.ts': printing('~/$&x$1'),
      },
    ],
    'the file that an empty tsconfig.json refers to': [
      {
        'tsconfig.json': JSON.stringify({
          files: [],
          references: [{ path: './tsconfig.node.json' }, { path: './tsconfig.app.json' }],
        }),
        'tsconfig.node.json': config({}),
        'tsconfig.app.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'lib/x.ts': it('right'),
        'app.ts': printing('~/x'),
      },
    ],
    'the aliases of a workspace package, for its own files': [
      {
        'package.json': '{"workspaces":{"packages":["packages/*","apps/*"]}}',
        'apps/a/package.json': '{"type":"module"}',
        'apps/a/tsconfig.json': config({
          paths: { '@acme/*': ['../../packages/*'], '~/*': ['./wrong/*'] },
        }),
        'apps/a/app.ts': printing('@acme/tone'),
        'apps/a/wrong/x.ts': it('wrong'),
        'packages/tone/package.json': '{"type":"module","main":"src/tone.ts"}',
        'packages/tone/tsconfig.json': config({ paths: { '~/*': ['./src/*'] } }),
        'packages/tone/src/tone.ts': "export { it } from '~/x';\n",
        'packages/tone/src/x.ts': it('right'),
      },
      'apps/a',
    ],
    'the tsconfig.json of the workspace, where the package has none': [
      {
        'package.json': '{}',
        'pnpm-workspace.yaml': 'packages:\n  - apps/*\n',
        'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }),
        'lib/x.ts': it('right'),
        'apps/a/package.json': '{"type":"module"}',
        'apps/a/app.ts': printing('~/x'),
      },
      'apps/a',
    ],
  };
  for (const [title, [files, cwd]] of Object.entries(cases)) {
    test(title, async () => {
      const { stdout, stderr } = await load(files, cwd);
      assert.equal(stdout, 'right\n', stderr);
    });
  }

  test('an alias and a relative name find a file by any ending, and the index of a folder', async () => {
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
      (name) => `import { it as ${name}1 } from '~/${name}';
        import { it as ${name}2 } from './lib/${name}';
        console.log(${name}1, ${name}2);`,
    );
    const { stdout, stderr } = await load({
      'package.json': '{"type":"module"}',
      'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }),
      ...Object.fromEntries(
        Object.entries(sources).map(([file, source]) => [`lib/${file}`, source]),
      ),
      'app.ts': `${imports.join('\n')}\nprocess.exit(0);\n`,
    });
    assert.equal(stdout, names.map((name) => `${name} ${name}\n`).join(''), stderr);
  });

  test('for what CommonJS requires, too, and for the imports of package.json', async () => {
    const files = {
      'package.json': '{"type":"commonjs","imports":{"#lib/*":"./lib/*.js"}}',
      'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }),
      'lib/x.ts': "exports.it = require('~/y').it;\n",
      'lib/y.ts': "exports.it = require('#lib/z').it;\n",
      'lib/z.ts': "exports.it = 'right';\n",
      'app.ts': "console.log(require('./lib/x').it);\nprocess.exit(0);\n",
    };
    const { stdout, stderr } = await load(files);
    assert.equal(stdout, 'right\n', stderr);
  });

  test('a module of Node stays one', async () => {
    const { stdout, stderr } = await load({
      'tsconfig.json': config({ baseUrl: '.', paths: { '*': ['./lib/*'] } }),
      'lib/os.ts': 'export const EOL: string = "wrong";\n',
      'lib/fs/promises.ts': '',
      'app.ts':
        "import { EOL } from 'os';\nimport 'fs/promises';\nprocess.stdout.write(`right${EOL}`);\nprocess.exit(0);\n",
    });
    assert.equal(stdout, 'right\n', stderr);
  });
});

describe('an alias is for the files of its project alone', { concurrency: 2 }, () => {
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

  test('a foreign folder above has no say', async () => {
    for (const manifest of [{}, { 'parent/proj/package.json': '{"type":"module"}' }]) {
      const { stdout, stderr } = await load(
        {
          'parent/tsconfig.json': config({ paths: { '*': ['./evil.ts'] } }),
          'parent/evil.ts': EVIL,
          ...manifest,
          'parent/proj/node_modules/dep/package.json': '{"type":"module","main":"index.js"}',
          'parent/proj/node_modules/dep/index.js': "export const it = 'right';\n",
          'parent/proj/app.ts': printing('dep'),
        },
        'parent/proj',
      );
      assert.equal(stdout, 'right\n', stderr);
    }
  });

  test('nor has one that is a workspace of others, or that says it is one', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('needs root to give a file away');
    const files = {
      'parent/tsconfig.json': config({ paths: { '*': ['./evil.ts'] } }),
      'parent/package.json': '{"workspaces":["*"]}',
      'parent/evil.ts': EVIL,
      'parent/proj/package.json': '{"type":"module"}',
      'parent/proj/node_modules/dep/package.json': '{"type":"module","main":"index.js"}',
      'parent/proj/node_modules/dep/index.js': "export const it = 'right';\n",
      'parent/proj/app.ts': printing('dep'),
    };
    for (const foreign of ['tsconfig.json', 'package.json']) {
      using folder = folderWith(files);
      chownSync(join(folder.path, 'parent', foreign), 12_345, 12_345);
      const cwd = join(folder.path, 'parent/proj');
      const { stdout, stderr } = await runLoader('./app.ts', cwd);
      assert.equal(stdout, 'right\n', stderr);
    }
    using other = folderWith({ ...files, 'parent/package.json': '{"workspaces":["apps/*"]}' });
    const cwd = join(other.path, 'parent/proj');
    assert.equal((await runLoader('./app.ts', cwd)).stdout, 'right\n');
  });
});

describe('an alias that leads to nothing is explained', { concurrency: 2 }, () => {
  for (const [title, files, hint] of [
    [
      'its targets',
      { 'tsconfig.json': config({ paths: { '~/*': ['./lib/*'] } }) },
      /\nIt is an alias, "~\/\*" in tsconfig\.json, but there is no module at \S+\/lib\/x\n$/,
    ],
    [
      'a base that is not there',
      { 'tsconfig.json': config({}, { extends: '@acme/config' }) },
      /\n\S+\/tsconfig\.json extends '@acme\/config', which is not there\n$/,
    ],
    [
      'a file that cannot be read',
      { 'tsconfig.json': '{ "compilerOptions": }' },
      /\n\S+\/tsconfig\.json cannot be read: Unexpected token .*\n$/,
    ],
  ] as const) {
    test(title, async () => {
      const { code, stderr } = await load({ ...files, 'app.ts': printing('~/x') });
      assert.equal(code, 1);
      assert.match(stderr, /^Cannot load '\.\/app\.ts': .*'~.* \(\S+\/app\.ts:1\)\n/);
      assert.match(stderr, hint);
    });
  }
});
