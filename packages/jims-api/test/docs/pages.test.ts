// What the pages tell people to do works.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { PROGRAM_FLAGS, folderWith, serveCommand } from '../support/command.ts';
import { codeBlocks, curlCommands } from './code-blocks.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

test("the README's first program serves every curl line of the README and of the API's page", async () => {
  const [program = ''] = codeBlocks('README.md', 'ts');
  using folder = folderWith({ 'app.ts': program, 'package.json': '{"type": "module"}' });
  await using command = await serveCommand(['--app', './app.ts:app'], { cwd: folder.path });
  const commands = ['README.md', 'docs/http-api.md'].flatMap(curlCommands);
  assert.ok(commands.length >= 6, `${commands.length} commands`);
  for (const { url, init } of commands) {
    const response = await fetch(url.replace(/^localhost:8080/, command.url), init);
    const text = await response.text();
    assert.ok(response.ok, `${url}: ${response.status} ${text}`);
    assert.doesNotMatch(text, /event: error/);
  }
});

test('the answer that the README shows is the answer', async () => {
  const [program = ''] = codeBlocks('README.md', 'ts');
  using folder = folderWith({ 'app.ts': program, 'package.json': '{"type": "module"}' });
  await using command = await serveCommand(['--app', './app.ts:app'], { cwd: folder.path });
  const [first] = curlCommands('README.md');
  assert.ok(first);
  const response = await fetch(first.url.replace(/^localhost:8080/, command.url), first.init);
  const shown = JSON.parse(codeBlocks('README.md', 'json')[0] ?? '');
  const { thread_id } = shown;
  assert.deepEqual({ ...Object(await response.json()), thread_id }, shown);
});

test("the README's server, and that of docs/deploy.md, serve the README's app", async () => {
  const servers = ['README.md', 'docs/deploy.md'].map((page) =>
    codeBlocks(page, 'ts').find((block) => block.includes('await serve(app')),
  );
  for (const server of servers) {
    assert.ok(server);
    const [app = ''] = codeBlocks('README.md', 'ts');
    using folder = folderWith({
      'app.ts': app,
      // Only the ports and the database are other ones: these may be in use here, or not there.
      'server.ts': server
        .replace('port: 8080', 'port: 0, metricsPort: 0')
        .replace('postgresql://jims@db/jims', 'sqlite::memory:'),
      'package.json': '{"type": "module"}',
    });
    symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
    const program = [...PROGRAM_FLAGS, 'server.ts'];
    await using service = await serveCommand([], { cwd: folder.path, program });
    const call = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${service.url}/api/v1/threads`, { headers });
    assert.equal((await call({})).status, 401);
    assert.equal((await call({ authorization: 'Bearer s3cret' })).status, 200);
    service.kill('SIGTERM');
    assert.equal((await service.ended).code, 0);
  }
});

test('an Express server mounts the service as the page says', async () => {
  const [program = ''] = codeBlocks('docs/deploy.md', 'js');
  using folder = folderWith({
    'app.mjs': `import { defineApp } from 'jims-core';
const make = () => defineApp({ pipeline: (ctx) => ctx.sendMessage('hi'), store: 'sqlite::memory:' });
export const app = make();
export const other = make();`,
    'program.mjs': `import { app, other } from './app.mjs';
${program}
// After it, too, the body is found.
server.use('/late', getRequestListener(createApi(other).fetch));
const listening = server.listen(0, '127.0.0.1', async () => {
  for (const mount of ['jims', 'late']) {
    const response = await fetch(\`http://127.0.0.1:\${listening.address().port}/\${mount}/api/v1/chat\`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ contact_id: mount, message: 'hi' }),
    });
    console.log(mount, response.status, (await response.json()).assistant_messages);
  }
  process.exit();
});`,
  });
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  const args = [...PROGRAM_FLAGS, 'program.mjs'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder.path });
  assert.equal(stdout, "jims 200 [ 'hi' ]\nlate 200 [ 'hi' ]\n");
});

test("jims-core's program prints what it says", async () => {
  const [program = ''] = codeBlocks('packages/jims-core/README.md', 'ts');
  using folder = folderWith({ 'program.mts': program });
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  const args = [...PROGRAM_FLAGS, 'program.mts'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder.path });
  assert.equal(stdout, 'You said: Hello\n');
});

test('every link between the pages leads somewhere', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', ...markdownIn('docs')];
  for (const page of pages) {
    const text = readFileSync(join(ROOT, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      assert.ok(existsSync(join(ROOT, dirname(page), target)), `${page} → ${target}`);
    }
  }
});

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}
