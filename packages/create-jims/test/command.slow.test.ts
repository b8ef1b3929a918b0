// What the command makes, of what it is given.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { codeBlocks } from '../../jims-api/test/docs/code-blocks.ts';
import { folderWith, runCommand } from '../../jims-api/test/support/command.ts';
import { ROOT, createJims, newProject } from './support/new-project.ts';
import type { Ended } from './support/new-project.ts';

const FILES = [
  '.dockerignore',
  '.env.example',
  '.gitignore',
  'Dockerfile',
  'README.md',
  'app.test.ts',
  'app.ts',
  'compose.yaml',
  'package.json',
  'tsconfig.json',
];
/** What a package manager calls itself, and what a project of it then says. */
const AGENTS = {
  npm: ['npm/11.19.1 node/v24.21.0 linux x64', 'RUN npm ci --omit=dev', 'npm run dev'],
  pnpm: [
    'pnpm/12.21.0 npm/? node/v24.21.0',
    'RUN pnpm install --prod --frozen-lockfile',
    'pnpm dev',
  ],
  yarn: ['yarn/4.18.1 npm/? node/v24.21.0', 'RUN yarn workspaces focus --production', 'yarn dev'],
  'yarn 1': ['yarn/1.22.22 npm/? node/v24.21.0', 'RUN yarn install --production', 'yarn dev'],
  bun: ['bun/1.4.5 npm/? node/v24.21.0', 'RUN bun install --production', 'bun run dev'],
} as const;

describe('create-jims', { concurrency: true }, () => {
  test('makes a project that has its name, also in a folder below', async () => {
    using folder = folderWith({});
    const { code, stdout } = await create(['./apps/my-app', '-y'], folder.path);
    assert.equal(code, 0);
    const project = join(folder.path, 'apps/my-app');
    assert.deepEqual(readdirSync(project).toSorted(), FILES);
    const texts = FILES.map((file) => readFileSync(join(project, file), 'utf8')).join('');
    assert.match(texts, /"name": "my-app"/);
    assert.match(texts, /name: 'my-app'/);
    assert.doesNotMatch(texts, /my-bot/);
    assert.match(stdout, /cd apps\/my-app\n {2}npm install\n {2}npm run dev/);
  });

  test('takes a name for the one that is missing, and for a scope', async () => {
    using folder = folderWith({});
    await create(['--yes'], folder.path);
    assert.equal(nameIn(join(folder.path, 'my-bot')), 'my-bot');
    await create(['@acme/other-bot'], folder.path);
    assert.equal(nameIn(join(folder.path, 'other-bot')), '@acme/other-bot');
  });

  test('uses this folder when it is empty but for what belongs to it, and makes a name of its name', async () => {
    using folder = folderWith({ 'Mein Bot 2/LICENSE': 'mine', 'Mein Bot 2/.git/HEAD': 'x' });
    const cwd = join(folder.path, 'Mein Bot 2');
    const { code, stdout } = await create(['.'], cwd);
    assert.equal(code, 0);
    assert.equal(nameIn(cwd), 'mein-bot-2');
    assert.equal(readFileSync(join(cwd, 'LICENSE'), 'utf8'), 'mine');
    assert.match(stdout, /Next:\n\n {2}npm install/);
  });

  test('refuses what would not work with one line, and makes nothing', async () => {
    using folder = folderWith({ 'full/app.ts': 'mine', 'full/b.ts': '', file: '' });
    const refused: readonly (readonly [readonly string[], RegExp])[] = [
      [['full'], /^create-jims: full is not empty \(app\.ts and 1 more\): give another name\n$/],
      [['file'], /^create-jims: file is a file/],
      [['My Bot!'], /^create-jims: npm allows no package with the name 'My Bot!': .*my-bot\n$/],
      [['bot', '--template', 'nix'], /^create-jims: There is no template 'nix'; there are echo, /],
      [['bot', 'other'], /^create-jims: One name is enough/],
      [['bot', '--wrong'], /^create-jims: Unknown option '--wrong'; --help says more\n$/],
      [['jims-core'], /^create-jims: jims-core is the name of a package that the project needs/],
    ];
    for (const [args, message] of refused) {
      const { code, stdout, stderr } = await create(args, folder.path);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
    }
    const left = readdirSync(folder.path, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(left.toSorted(), ['file', 'full', 'full/app.ts', 'full/b.ts']);
  });

  test('says that npm needs a -- where npm kept the template for itself', async () => {
    using folder = folderWith({});
    const env = { npm_config_template: 'true' };
    const { code, stderr } = await createJims(['bot', 'llm'], { cwd: folder.path, env });
    assert.equal(code, 2);
    assert.match(stderr, /^create-jims: npm needs -- before options: .* -- --template llm\n$/);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  test('--help names the templates, --version the version', async () => {
    using folder = folderWith({});
    const help = await create(['--help'], folder.path);
    for (const name of ['echo', 'llm', 'rag', 'refund', 'react']) {
      assert.match(help.stdout, new RegExp(`^  ${name} `, 'm'));
    }
    const { version } = JSON.parse(read('packages/create-jims/package.json'));
    assert.equal((await create(['-v'], folder.path)).stdout, `${version}\n`);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  for (const [name, [agent, inImage, inReadme]] of Object.entries(AGENTS)) {
    test(`a project of ${name} is built, documented and installed by it`, async () => {
      using folder = folderWith({});
      const env = { npm_config_user_agent: agent };
      await createJims(['bot', '--no-install', '-y'], { cwd: folder.path, env });
      const project = join(folder.path, 'bot');
      const [dockerfile, readme] = ['Dockerfile', 'README.md'].map((file) =>
        readFileSync(join(project, file), 'utf8'),
      );
      assert.ok(dockerfile?.includes(inImage), dockerfile);
      assert.match(readme ?? '', new RegExp(`^${inReadme} +# prints a link`, 'm'));
      const others = Object.values(AGENTS).filter(([, line]) => line !== inImage);
      for (const [, line] of others) assert.ok(!dockerfile?.includes(line));
    });
  }

  test('lets each package manager run the install script that brings Node', async () => {
    using folder = folderWith({});
    const allowed = [
      ['npm', 'package.json', /"allowScripts": \{\s*"node": true\s*\}/],
      ['pnpm', 'pnpm-workspace.yaml', /^allowBuilds:\n {2}node: true$/m],
      ['bun', 'package.json', /"trustedDependencies": \[\s*"node"\s*\]/],
      ['yarn 1', '.yarnrc', /^ignore-engines true$/m],
    ] as const;
    for (const [name, file, text] of allowed) {
      const env = { npm_config_user_agent: AGENTS[name][0] };
      const project = name.replace(' ', '-');
      await createJims([`my-${project}`, '--no-install'], { cwd: folder.path, env });
      assert.match(readFileSync(join(folder.path, `my-${project}`, file), 'utf8'), text);
    }
  });

  test('installs the packages with the package manager that called it, and says when that fails', async () => {
    using folder = folderWith({
      'bin/pnpm': '#!/bin/sh\necho "pnpm $* in $(basename "$PWD")"\n[ ! -e ../fail ]\n',
    });
    execFileSync('chmod', ['+x', join(folder.path, 'bin/pnpm')]);
    const env = {
      npm_config_user_agent: 'pnpm/12.21.0 npm/?',
      PATH: `${join(folder.path, 'bin')}:${process.env['PATH']}`,
    };
    const good = await createJims(['good', '-y'], { cwd: folder.path, env });
    assert.equal(good.code, 0);
    assert.match(good.stdout, /pnpm install in good\n[^]*Next:\n\n {2}cd good\n {2}pnpm dev/);
    writeFileSync(join(folder.path, 'fail'), '');
    const bad = await createJims(['bad', '-y'], { cwd: folder.path, env });
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /pnpm install failed\. The project is in bad: run pnpm install there/);
  });

  test('asks one question on a terminal', { skip: process.platform !== 'linux' }, async () => {
    using folder = folderWith({});
    const main = join(ROOT, 'packages/create-jims/src/main.ts');
    const command = `${process.execPath} ${main} bot --no-install`;
    // `script` gives the command a terminal.
    const output = execFileSync('script', ['-qec', command, '/dev/null'], {
      cwd: folder.path,
      input: '9\nrefund\n',
      encoding: 'utf8',
    });
    assert.match(output, /1 {2}echo[^]*There is no template '9'[^]*from the template refund/);
    assert.ok(readdirSync(join(folder.path, 'bot')).includes('payments.ts'));
  });
});

describe('the templates stay right', { concurrency: true }, () => {
  test('their packages have the versions that this repository is tested with', () => {
    const known = new Map<string, unknown>();
    for (const manifest of [
      'package.json',
      ...globSync('packages/*/package.json', { cwd: ROOT }),
    ]) {
      const { name, version, dependencies, devDependencies } = JSON.parse(read(manifest));
      known.set(name, version);
      const all = Object.entries({ ...dependencies, ...devDependencies });
      for (const [each, wanted] of all) known.set(each, wanted);
    }
    const manifests = globSync('packages/create-jims/templates/*/package.json', { cwd: ROOT });
    assert.ok(manifests.length >= 3);
    for (const manifest of manifests) {
      const { dependencies, devDependencies } = JSON.parse(read(manifest));
      for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
        assert.equal(version, known.get(name), `${name} in ${manifest}`);
      }
    }
  });

  test('the image is that of docs/deploy.md, with what it says to leave out', async () => {
    const [dockerfile = ''] = codeBlocks('docs/deploy.md', 'dockerfile');
    using echo = await newProject('echo');
    using react = await newProject('react');
    assert.equal(readFileSync(join(echo.path, 'Dockerfile'), 'utf8'), dockerfile);
    const [, service = ''] = readFileSync(join(react.path, 'Dockerfile'), 'utf8').split(
      ' AS app\n',
    );
    assert.equal(service, dockerfile.replace('FROM node:24-slim\n', ''));
    const [, ignored = ''] =
      /`\.dockerignore`[^`]*```\n([^`]*)```/.exec(read('docs/deploy.md')) ?? [];
    const lines = readFileSync(join(echo.path, '.dockerignore'), 'utf8').split('\n');
    for (const line of ignored.trim().split('\n')) assert.ok(lines.includes(line), line);
  });

  test('the command knows every variable that they name', async () => {
    using folder = folderWith({});
    const { stdout } = await runCommand(['--help'], { cwd: folder.path });
    const files = globSync('packages/create-jims/templates/**/{compose.yaml,_env.example,*.md}', {
      cwd: ROOT,
    });
    const named = files.flatMap((file) => read(file).match(/JIMS_\w+/g) ?? []);
    assert.ok(named.length > 5);
    for (const name of new Set(named)) assert.match(stdout, new RegExp(`\\b${name}\\b`));
  });

  test('what npm would publish has all their files', () => {
    const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: join(ROOT, 'packages/create-jims'),
      encoding: 'utf8',
    });
    // A list, or with npm 12 an object.
    const [list] = Object.values<{ files: { path: string }[] }>(JSON.parse(packed));
    const files = list?.files ?? [];
    const published = files.map(({ path }) => path).filter((path) => path.startsWith('templates/'));
    const tracked = execFileSync(
      'git',
      ['ls-files', '--cached', '--others', '--exclude-standard', '.'],
      {
        cwd: join(ROOT, 'packages/create-jims/templates'),
        encoding: 'utf8',
      },
    );
    const wanted = tracked.trim().split('\n');
    assert.deepEqual(published.toSorted(), wanted.map((path) => `templates/${path}`).toSorted());
  });
});

async function create(args: readonly string[], cwd: string): Promise<Ended> {
  return createJims([...args, '--no-install'], { cwd });
}

function nameIn(folder: string): unknown {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name;
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
