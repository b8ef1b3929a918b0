// A service, and a program that has an app, end while their database does not answer.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { freshDatabase } from '../../../jims-core/test/support/postgres.ts';
import { openTcpProxy } from '../../../jims-core/test/support/tcp-proxy.ts';
import { folderWith, serveCommand } from '../support/command.ts';

const APP =
  'export const app = (ctx) => new Promise((_, stop) => ctx.signal.addEventListener("abort", stop));';
const CORE = fileURLToPath(new URL('../../../jims-core/src/index.ts', import.meta.url));
const BOUND_MS = 40_000;

describe('while the database is away', { concurrency: true }, () => {
  for (const fault of ['cut', 'stall'] as const) {
    test(`the command closes its ports and ends with 0 (${fault})`, async () => {
      await using database = await freshDatabase();
      await using proxy = await openTcpProxy(database.url);
      using folder = folderWith({ 'app.js': APP });
      const args = ['--app', './app.js:app', '--db', proxy.url, '--drain-timeout', '1'];
      await using service = await serveCommand(args, { cwd: folder.path });
      const body = { contact_id: 'c', message: 'hi' };
      const answer = fetch(`${service.url}/api/v1/chat/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const stream = await answer;
      proxy[fault]();
      const from = performance.now();
      service.kill('SIGTERM');
      const { code } = await service.ended;
      assert.equal(code, 0);
      assert.ok(performance.now() - from < BOUND_MS);
      await stream.text().catch(() => {});
      await assert.rejects(fetch(`${service.url}/healthz`));
    });

    test(`a program that closes its app ends by itself (${fault})`, async () => {
      await using database = await freshDatabase();
      await using proxy = await openTcpProxy(database.url);
      const script = `
      import { defineApp } from ${JSON.stringify(CORE)};
      const app = defineApp({ store: ${JSON.stringify(proxy.url)}, pipeline() {} });
      await app.threads.getOrCreate({ contactId: 'c' });
      process.stdout.write('open');
      await new Promise((resolve) => process.stdin.once('data', resolve));
      process.stdin.destroy();
      await app.close();
      process.stdout.write('closed');`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      proxy[fault]();
      const from = performance.now();
      child.stdin.end('close');
      const [said] = await once(child.stdout, 'data');
      assert.equal(String(said), 'closed');
      const [code] = await once(child, 'exit');
      assert.equal(code, 0);
      assert.ok(performance.now() - from < BOUND_MS);
    });
  }
});
