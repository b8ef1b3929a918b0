// A file .env that cannot be understood is never passed over.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { StartError, readDotEnv } from '../../../src/cli/options/environment.ts';
import { parseCommandLine } from '../../../src/cli/options/options.ts';
import { folderWith, runCommand } from '../../support/command.ts';
import type { Folder } from '../../support/command.ts';

const APP = 'export const app = (ctx) => ctx.sendMessage(process.env.GREETING);\n';
const KEY = 'JIMS_API_KEY=s3cret\nGREETING=grüß\n';

function utf16(text: string, order: 'le' | 'be'): Buffer {
  const bytes = Buffer.from(`\uFEFF${text}`, 'utf16le');
  return order === 'le' ? bytes : bytes.swap16();
}

describe('.env', { concurrency: 2 }, () => {
  for (const order of ['le', 'be'] as const) {
    test(`in UTF-16 ${order} is read by its byte order mark`, () => {
      using folder = folderWith({ '.env': utf16(KEY, order) });
      const read = { JIMS_API_KEY: 's3cret', GREETING: 'grüß' };
      assert.deepEqual(readDotEnv(folder.path, {}), read);
    });
  }

  test('may name an option within a value of several lines', () => {
    const text = 'GREETING="first\nJIMS_API_KEY is a word\nlast"\nJIMS-API-KEY=s3cret\n';
    using folder = folderWith({ '.env': text });
    const env = readDotEnv(folder.path, {});
    assert.equal(env['GREETING'], 'first\nJIMS_API_KEY is a word\nlast');
    const command = parseCommandLine([], env, '1.0.0');
    assert.ok(command.kind === 'serve');
    const warning = 'JIMS-API-KEY is not an option: did you mean JIMS_API_KEY?';
    assert.deepEqual(command.warnings, [warning]);
  });

  const unusable: Readonly<Record<string, readonly [make: (file: string) => void, said: RegExp]>> =
    {
      'that is a folder': [
        (file) => mkdirSync(file),
        /\.env cannot be read: it is a folder\. Docker makes one where the file of a bind mount is missing: remove it$/,
      ],
      'that leads to nothing': [
        (file) => symlinkSync('/nowhere/at/all', file),
        /\.env cannot be read: it is a link to a file that is not there$/,
      ],
      'in UTF-16 without a mark': [
        (file) => writeFileSync(file, utf16(KEY, 'le').subarray(2)),
        /\.env cannot be read: save it as UTF-8$/,
      ],
      'in UTF-32': [
        (file) => writeFileSync(file, Buffer.from('fffe00004a000000', 'hex')),
        /\.env cannot be read: save it as UTF-8$/,
      ],
      'in Latin-1': [
        (file) => writeFileSync(file, Buffer.from('PASSWORD=grüß\n', 'latin1')),
        /\.env cannot be read: save it as UTF-8$/,
      ],
      ...Object.fromEntries(
        [
          'JIMS_API_KEY: s3cret',
          'set JIMS_API_KEY=s3cret',
          '$env:JIMS_API_KEY = "s3cret"',
          '- JIMS_API_KEY=s3cret',
          '"JIMS_API_KEY": "s3cret"',
          'JIMS_API_KEY s3cret',
        ].map((line) => [
          `with the line ${line}`,
          [
            (file: string) => writeFileSync(file, `# of JIMS_X: a comment\nA=JIMS_B\n${line}\n`),
            /\.env:3 sets no variable: it must begin with JIMS_API_KEY=$/,
          ] as const,
        ]),
      ),
    };
  for (const line of [
    'JIMS_API_KEY="s3cret',
    "export JIMS_API_KEY='s3cret",
    'JIMS_API_KEY = "s3cret\nJIMS_PORT="8080"',
    'JIMS_API_KEY=`s3cret\nA=`x`',
  ]) {
    test(`with a quote that is not closed is refused: ${JSON.stringify(line)}`, () => {
      using folder = folderWith({ '.env': `A="it's\nB='" # fine\n${line}\n` });
      refuses(
        folder,
        /\.env:3 opens a quote that is not closed: the value of JIMS_API_KEY must end with ["'`]$/,
      );
    });
  }

  test('may have quotes within a value, and in comments', () => {
    using folder = folderWith({ '.env': `# A="\nA=it's\nB='"' # it's\nC="a" "\nD=\nE='x\ny'\n` });
    assert.deepEqual(readDotEnv(folder.path, {}), { A: "it's", B: '"', C: 'a', D: '', E: 'x\ny' });
  });

  for (const [title, [make, said]] of Object.entries(unusable)) {
    test(`${title} is refused in one line`, () => {
      using folder = folderWith({ 'app.js': APP });
      make(join(folder.path, '.env'));
      refuses(folder, said);
    });
  }

  test('that must not be read is refused in one line', (t) => {
    if (process.getuid?.() === 0) return t.skip('root may read everything');
    using folder = folderWith({ 'app.js': APP, '.env': KEY });
    chmodSync(join(folder.path, '.env'), 0);
    refuses(folder, /\.env cannot be read: this user may not read it: .*$/);
  });

  test('that is refused ends the command with exit code 1', async () => {
    using folder = folderWith({ 'app.js': APP, '.env': 'JIMS_API_KEY: s3cret\n' });
    const { code, stdout, stderr } = await runCommand([], { cwd: folder.path });
    const said = /^jims-api: .*\.env:1 sets no variable: it must begin with JIMS_API_KEY=\n$/;
    assert.match(stderr, said);
    assert.equal(stdout, '');
    assert.equal(code, 1);
  });

  test('in a folder that was removed: one line, and exit code 1', async () => {
    using folder = folderWith({ 'gone/x': '' });
    const gone = join(folder.path, 'gone');
    const preload = `process.chdir(${JSON.stringify(gone)}); (await import('node:fs')).rmSync(${JSON.stringify(gone)}, { recursive: true });`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}` };
    const { code, stderr } = await runCommand([], { cwd: folder.path, env });
    assert.equal(code, 1);
    assert.equal(stderr, 'jims-api: The current folder was removed: change to one that exists\n');
  });
});

function refuses(folder: Folder, said: RegExp): void {
  assert.throws(
    () => readDotEnv(folder.path, {}),
    (error) => {
      assert.ok(error instanceof StartError);
      assert.match(error.message, /^.+$/);
      assert.match(error.message, said);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    },
  );
}
