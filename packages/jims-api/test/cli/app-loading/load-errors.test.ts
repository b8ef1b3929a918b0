// What is said about an error that comes while an app is loaded, and where.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { folderWith, runCommand } from '../../support/command.ts';
import type { Ended } from '../../support/command.ts';
import { loadAlone, loadApps } from '../../support/load-apps.ts';
import type { LoadOutcome } from '../../support/load-apps.ts';

type Files = Readonly<Record<string, string>>;

const TSX = 'It is used by itself once it is in your project: npm install -D tsx';
const DECORATORS = `Node erases types and no more: decorators and accessors need tsx. ${TSX}`;
const FILLING = 'type A = string;\nlet a: A;\n\n';

async function load(app: string, files: Files, args: readonly string[] = []): Promise<Ended> {
  using folder = folderWith(files);
  return await runCommand(['--app', app, ...args], { cwd: folder.path });
}

interface Case {
  readonly app?: string;
  readonly files: Files;
  /** What is said after the folder of the files was taken out. */
  readonly said: string;
  /** True for an app that leaves other errors of its process different. */
  readonly alone?: true;
}

const CASES: Readonly<Record<string, Case>> = {
  'thrown by a module that the app imports': {
    files: {
      'app.ts': "import './lib/config.ts';\n",
      'lib/config.ts': 'const settings: any = {};\n\nexport const url = settings.api.url;\n',
    },
    said: "Cannot read properties of undefined (reading 'url') (lib/config.ts:3)",
  },
  'thrown by a package that the app calls, far inside': {
    files: {
      'app.ts': "import { deep } from 'deep';\n\nexport const app = deep(30);\n",
      'node_modules/deep/package.json': '{"type":"module","main":"index.js"}',
      'node_modules/deep/index.js':
        "export const deep = (n) => { if (n) return deep(n - 1); throw new Error('too deep'); };\n",
    },
    said: 'too deep (app.ts:3)',
  },
  'thrown with what it was caused by': {
    files: {
      'app.ts': "import { wrap } from 'wrap';\nawait wrap(() => {\n  null.x;\n});\n",
      'node_modules/wrap/package.json': '{"type":"module","main":"index.js"}',
      'node_modules/wrap/index.js':
        "export async function wrap(work) { await null; try { work(); } catch (cause) {\n const error = new Error('wrapped', { cause }); error.stack = 'Error: wrapped'; throw error; } }\n",
    },
    said: "wrapped: Cannot read properties of null (reading 'x') (app.ts:3)",
  },
  'of a module in a project of CommonJS': {
    app: 'app.js',
    files: {
      'package.json': '{"type":"commonjs"}',
      'app.js': "import { readFileSync } from 'node:fs';\n",
    },
    said: 'Cannot use import statement outside a module (app.js:1)\npackage.json says "type": "commonjs": say "type": "module" there, or name the file .mjs',
  },
  'thrown in a timer while it loads': {
    files: {
      'app.ts':
        "setTimeout(() => {\n  throw new Error('late');\n}, 1);\nawait new Promise((go) => setTimeout(go, 60_000));\n",
    },
    said: 'late (app.ts:2)',
  },
  'of a promise that was left alone': {
    files: {
      'app.ts':
        "async function connect() {\n  throw new Error('refused');\n}\nvoid connect();\nawait new Promise((go) => setTimeout(go, 60_000));\n",
    },
    said: 'refused (app.ts:2)',
  },
  'thrown by compiled code whose source is not there': {
    app: 'dist/app.js',
    files: {
      'dist/app.js': "process.setSourceMapsEnabled(true);\nawait import('./lib.js');\n",
      'dist/lib.js': 'null.x;\n//# sourceMappingURL=lib.js.map\n',
      'dist/lib.js.map':
        '{"version":3,"file":"lib.js","sources":["../src/lib.ts"],"names":[],"mappings":"AAEA"}',
    },
    said: "Cannot read properties of null (reading 'x') (src/lib.ts:3)",
    alone: true,
  },
  'of modules that import each other': {
    files: {
      'app.ts': "import { NAME } from './other.ts';\nexport const PREFIX = 'a' + NAME;\n",
      'other.ts': "import { PREFIX } from './app.ts';\n\nexport const NAME = PREFIX + 'b';\n",
    },
    said: "Cannot access 'PREFIX' before initialization (other.ts:3)\nOften two modules import each other: move what both need into a third one",
  },
  'of several lines': {
    files: { 'app.ts': "\nthrow new Error('first\\n  second\\n\\nthird');\n" },
    said: 'first second third (app.ts:2)',
  },
  'thrown by CommonJS': {
    app: 'app.cjs',
    files: {
      'app.cjs': "require('./lib/x (1).cjs');\n",
      'lib/x (1).cjs': '\nnull.x;\n',
    },
    said: "Cannot read properties of null (reading 'x') (lib/x (1).cjs:2)",
  },
  'of what CommonJS requires': {
    app: 'app.cjs',
    files: { 'app.cjs': "require('./x.cjs');\n", 'x.cjs': "\nrequire('left-pad');\n" },
    said: "Cannot find module 'left-pad' (x.cjs:2)",
  },
  'of the syntax of JavaScript': {
    files: {
      'app.ts': "import './first.mjs';\nimport './broken.mjs';\nimport './last.mjs';\n",
      'first.mjs': '',
      'last.mjs': '',
      'broken.mjs': 'export const app = (ctx) => {\n  ctx.sendMessage(\n};\n',
    },
    said: "Unexpected token '}' (broken.mjs:3)",
  },
  'of the syntax of CommonJS': {
    app: 'app.cjs',
    files: { 'app.cjs': "require('./x.cjs');\n", 'x.cjs': '\n\nconst x = ;\n' },
    said: "Unexpected token ';' (x.cjs:3)",
  },
  'of the syntax of TypeScript': {
    files: { 'app.ts': `${FILLING}let;;= 1;\n` },
    said: 'Expression expected (app.ts:4)',
  },
  'that JavaScript sees once the types are gone': {
    files: { 'app.ts': `${FILLING}let twice: number;\nlet twice: string;\n` },
    said: "Identifier 'twice' has already been declared (app.ts:5)",
  },
  'of a decorator': {
    files: {
      'app.ts': "import './lib/user.ts';\n",
      'lib/user.ts': `${FILLING}const Column = (): PropertyDecorator => () => {};\nexport class User {\n  @Column() name = 'x';\n}\n`,
    },
    said: `Invalid or unexpected token (lib/user.ts:6)\n${DECORATORS}`,
  },
  'of an accessor': {
    files: { 'app.ts': "export class User {\n  accessor name = 'x';\n}\n" },
    said: `Unexpected identifier 'name' (app.ts:2)\n${DECORATORS}`,
  },
  'of an enum': {
    files: { 'app.ts': `${FILLING}enum Mood { Good }\n` },
    said: `TypeScript enum is not supported in strip-only mode (app.ts:4)\nNode erases types and no more: enums, namespaces, parameter properties and decorators need tsx. ${TSX}`,
  },
  'of JSX': {
    app: 'app.tsx',
    files: { 'app.tsx': 'export const app = <p />;\n' },
    said: `Unknown file extension ".tsx" for app.tsx\nNode does not load JSX: .tsx and .jsx need tsx. ${TSX}`,
  },
  'of a file that is not a module': {
    files: { 'app.ts': "\nimport './style.css';\n", 'style.css': '' },
    said: 'Unknown file extension ".css" for style.css (app.ts:2)',
  },
  'of JSON without its attribute': {
    files: {
      'app.ts': "import './lib/config.ts';\n",
      'lib/config.ts': "\nimport config from '../data.json';\nexport { config };\n",
      'data.json': '{}',
    },
    said: 'Module "file://data.json" needs an import attribute of "type: json" (lib/config.ts:2)\nWrite: import data from \'./data.json\' with { type: \'json\' }',
  },
  'of JSON that is broken': {
    files: {
      'app.ts':
        "\nimport data from './data.json' with { type: 'json' };\nexport const app = data;\n",
      'data.json': '{"a":',
    },
    said: 'data.json: Unexpected end of JSON input (app.ts:2)',
  },
  'of a file that is not there': {
    files: { 'app.ts': "\nimport './lib/nothing.js';\n" },
    said: "Cannot find module 'lib/nothing.js' imported from app.ts (app.ts:2)",
  },
  'of a name that is not exported': {
    files: {
      'app.ts': "\nimport { Options } from './lib.ts';\nexport const app = Options;\n",
      'lib.ts': 'export interface Options {}\n',
    },
    said: "The requested module './lib.ts' does not provide an export named 'Options' (app.ts:2)\nIf that name is a type, write: import type",
  },
  'that is nothing': {
    files: { 'app.ts': 'throw undefined;\n' },
    said: 'undefined was thrown',
  },
  'that only looks like an error': {
    files: { 'app.ts': "throw { code: 'E_CONFIG', message: 'no region' };\n" },
    said: 'no region',
  },
  'without words': {
    files: { 'app.ts': '\nthrow new TypeError();\n' },
    said: 'TypeError (app.ts:2)',
  },
  'with its cause': {
    files: { 'app.ts': "throw new Error('no database', { cause: new Error('refused') });\n" },
    said: 'no database: refused (app.ts:1)',
  },
  'for several things': {
    files: { 'app.ts': "throw new AggregateError([new Error('a'), 'b', new Error('c')]);\n" },
    said: 'a; b; c (app.ts:1)',
  },
  'whose stack is not a string': {
    files: {
      'app.ts': "Error.prepareStackTrace = (_, sites) => sites;\nthrow new Error('odd');\n",
    },
    said: 'odd',
    alone: true,
  },
  'in a package alone': {
    files: {
      'app.ts': "import 'lib';\n",
      'node_modules/lib/package.json': '{"type":"module","main":"index.js"}',
      'node_modules/lib/index.js': "import './deep.js';\n",
      'node_modules/lib/deep.js': '\nnull.x;\n',
    },
    said: "Cannot read properties of null (reading 'x') (node_modules/lib/deep.js:2)",
  },
  'of TypeScript in a package': {
    files: {
      'app.ts': "\nimport 'lib';\n",
      'node_modules/lib/package.json': '{"type":"module","main":"index.ts"}',
      'node_modules/lib/index.ts': 'export const x: number = 1;\n',
    },
    said: `Stripping types is currently unsupported for files under node_modules, for "file://node_modules/lib/index.ts" (app.ts:2)\nNode loads no TypeScript from node_modules: compile that package, or let tsx load it. ${TSX}`,
  },
};

describe('an error while the app loads is one line with its position', () => {
  const outcomes = new Map<string, LoadOutcome>();
  const appOf = ({ app: reference = './app.ts', files }: Case) => ({
    reference,
    files: { 'package.json': '{"type":"module"}', ...files },
  });
  before(async () => {
    const together = Object.entries(CASES).filter(([, { alone }]) => !alone);
    const loaded = await loadApps(together.map(([, each]) => appOf(each)));
    for (const [index, [title]] of together.entries()) {
      const outcome = loaded[index];
      if (outcome) outcomes.set(title, outcome);
    }
  });
  for (const [title, each] of Object.entries(CASES)) {
    test(title, async () => {
      const outcome = each.alone ? await loadAlone(appOf(each)) : outcomes.get(title);
      const refusal = `Cannot load '${each.app ?? './app.ts'}': ${each.said}`;
      assert.deepEqual(outcome, { refusal });
    });
  }

  test('an app.tsx is found without --app', async () => {
    using folder = folderWith({ 'app.tsx': 'export const app = <p />;\n' });
    const { stderr } = await runCommand([], { cwd: folder.path });
    assert.match(
      stderr,
      /^jims-api: Cannot load 'app': Unknown file extension "\.tsx" for .*\nNode does not load JSX: /,
    );
  });

  test('--verbose shows the stack, too', async () => {
    const files = { 'app.mjs': 'function inner() {\n  null.x;\n}\ninner();\n' };
    const { stderr } = await load('./app.mjs', files, ['--verbose']);
    assert.match(
      stderr,
      /\njims-api: Cannot load '\.\/app\.mjs': Cannot read properties of null \(reading 'x'\) \(\S+\/app\.mjs:2\)\n/,
    );
    assert.match(stderr, /\n +at inner \(\S+app\.mjs:2:8\)\n +at \S+app\.mjs:4:1\n/);
  });
});

describe('an app that takes long is named in the log', { concurrency: 2 }, () => {
  for (const [title, source, line] of [
    [
      'a module',
      'await new Promise((go) => setTimeout(go, 6000));\n',
      /"app":"\.\/app\.mjs","msg":"still loading the app: it, or a module that it imports, waits at a top-level await"/,
    ],
    [
      'a factory',
      'export const app = () => new Promise((go) => setTimeout(go, 6000));\n',
      /"app":"\.\/app\.mjs","msg":"still waiting for the result of the app factory"/,
    ],
  ] as const) {
    test(title, async () => {
      const { stderr } = await load('./app.mjs', { 'app.mjs': source });
      assert.match(stderr, line);
    });
  }
});
