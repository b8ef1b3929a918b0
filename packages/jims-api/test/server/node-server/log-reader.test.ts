// Through the real command: the program that reads its log is gone, or stands still.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';

import * as v from 'valibot';

import { COMMAND, folderWith } from '../../support/command.ts';
import type { Folder } from '../../support/command.ts';

const APP = `
process.stdout.write('loaded');
export const app = (ctx) => {
  process.stdout.write('said');
  if (ctx.lastUserMessage === 'much') throw new Error('much '.repeat(600));
  ctx.sendMessage('Hello');
};
`;
const Listening = v.pipe(v.string(), v.parseJson(), v.object({ port: v.number() }));

interface Piped extends AsyncDisposable {
  readonly url: string;
  readonly stderr: Socket;
  readonly stdout: Socket;
  kill(signal: NodeJS.Signals): void;
  readonly code: Promise<number | null>;
}

/** The command with two pipes as a shell makes them, of which this is the reading end. */
async function piped(folder: Folder): Promise<Piped> {
  const [out, error] = [pipe(join(folder.path, 'out')), pipe(join(folder.path, 'error'))];
  const ports = ['--host', '127.0.0.1', '--port', '0', '--metrics-port', '0'];
  const child = spawn(process.execPath, [...COMMAND, ...ports], {
    cwd: folder.path,
    stdio: ['ignore', out.writeEnd, error.writeEnd],
  });
  for (const { writeEnd } of [out, error]) closeSync(writeEnd);
  const code = once(child, 'exit').then(([exitCode]) => v.parse(v.nullable(v.number()), exitCode));
  const { port } = v.parse(Listening, await listeningLine(error.readEnd));
  return {
    url: `http://127.0.0.1:${port}`,
    stderr: error.readEnd,
    stdout: out.readEnd,
    kill: (signal) => void child.kill(signal),
    code,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await code;
      for (const { readEnd } of [out, error]) readEnd.destroy();
    },
  };
}

async function listeningLine(log: Socket): Promise<string | undefined> {
  let text = '';
  log.setEncoding('utf8');
  for (;;) {
    const [more] = await once(log, 'data');
    text += String(more);
    const line = text.split('\n').find((each) => each.endsWith('"msg":"listening"}'));
    if (line === undefined) continue;
    log.pause();
    return line;
  }
}

function pipe(path: string): { readonly readEnd: Socket; readonly writeEnd: number } {
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { writeEnd: openSync(path, 'w'), readEnd: new Socket({ fd, writable: false }) };
}

function chat(url: string, message = 'x'): Promise<Response> {
  return fetch(`${url}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'c', message }),
  });
}

describe('a reader of the log', { concurrency: 2 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`that is gone does not keep ${signal} from ending the process`, async () => {
      using folder = folderWith({ 'app.mjs': APP });
      await using service = await piped(folder);
      service.stderr.destroy();
      service.kill(signal);
      assert.equal(await service.code, 0);
    });
  }

  test('that is gone, as that of the output, does not keep the service from answering', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await piped(folder);
    service.stderr.destroy();
    service.stdout.destroy();
    for (let i = 0; i < 3; i++) assert.equal((await chat(service.url)).status, 200);
    service.kill('SIGTERM');
    assert.equal(await service.code, 0);
  });

  test('that stands still keeps neither the service nor its end', async () => {
    using folder = folderWith({ 'app.mjs': APP });
    await using service = await piped(folder);
    // More than a pipe holds.
    for (let i = 0; i < 50; i++) assert.equal((await chat(service.url, 'much')).status, 500);
    service.kill('SIGTERM');
    assert.equal(await service.code, 0);
  });

  test('that stands still for long finds a part of the lines, and all later ones', async () => {
    const program = `
      import { createLogger } from '${new URL('../../../src/server/node-server/logger.ts', import.meta.url).href}';
      const logger = createLogger();
      for (let i = 0; i < 40; i++) logger.info('x'.repeat(1_000_000));
      setInterval(() => logger.info('later'), 50);`;
    const args = ['--conditions=@jims/source', '--input-type=module', '--eval', program];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let early = 0;
    for await (const line of createInterface(child.stderr)) {
      if (line.includes('later')) break;
      early++;
    }
    child.kill();
    assert.ok(early > 10 && early < 20, String(early));
  });
});
