// Files that a process takes: what they cost it, how long they may take, and what is left when it dies.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { openStore } from 'jims-core';
import * as v from 'valibot';

import { eventually } from '../../../jims-core/test/support/eventually.ts';
import { folderWith, runCommand, serveCommand } from '../support/command.ts';
import { serveWatchedApp } from '../support/loop-watch.ts';
import { hidePackage } from '../support/served-app.ts';

const MIB = 1024 * 1024;
/** Of half a MiB each. */
const PIECES = 12;
const ECHO = 'export const app = (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);\n';
const FileAnswer = v.object({ file_id: v.string(), size: v.number(), digest: v.string() });

/** A file that is sent as the test goes on. */
interface Upload {
  readonly request: ClientRequest;
  readonly answer: Promise<IncomingMessage>;
  /** Resolves when the system has taken the bytes. */
  send(bytes: Uint8Array): Promise<void>;
}

function upload(origin: string, contactId: string): Upload {
  const sending = request(`${origin}/api/v1/files?contact_id=${contactId}&name=x.bin`, {
    method: 'POST',
    agent: false,
  });
  const answer = once(sending, 'response').then(([response]) => response);
  answer.catch(() => {});
  const closed = once(sending, 'close');
  closed.catch(() => {});
  sending.on('error', () => {});
  return {
    request: sending,
    answer,
    async send(bytes) {
      if (!sending.write(bytes)) await Promise.race([once(sending, 'drain'), closed]);
    },
  };
}

async function ended({ request: sending, answer }: Upload): Promise<[number, unknown]> {
  sending.end();
  const response = await answer;
  return [response.statusCode ?? 0, JSON.parse(await text(response))];
}

describe('files that a process takes', () => {
  const memory = 'pass through it: six at once of 6 MiB are never in its memory';
  test(memory, { timeout: 90_000 }, async () => {
    using folder = folderWith({});
    await using app = await serveWatchedApp(['--db', `sqlite:///${folder.path}/t.db`]);
    const piece = randomBytes(MIB / 2);
    const whole = createHash('sha256');
    for (let n = 0; n < PIECES; n += 1) whole.update(piece);
    const digest = `sha256:${whole.digest('hex')}`;
    const sendTo = async (it: Upload, from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 1) await it.send(piece);
    };
    const first = upload(app.origin, 'first');
    await sendTo(first, 0, PIECES);
    assert.equal((await ended(first))[0], 201);
    const before = await app.bufferBytes();
    const uploads = Array.from({ length: 6 }, (_, n) => upload(app.origin, `c${n}`));
    // All but the end: a service that waits for the whole has nearly all of it now.
    await Promise.all(uploads.map((it) => sendTo(it, 0, PIECES - 1)));
    // Buffers are given back a while after they were collected.
    const isSmall = async (): Promise<boolean> => (await app.bufferBytes()) - before < 8 * MIB;
    await eventually(isSmall);
    await Promise.all(uploads.map((it) => sendTo(it, PIECES - 1, PIECES)));
    const ids: string[] = [];
    for (const it of uploads) {
      const [status, body] = await ended(it);
      assert.equal(status, 201);
      const file = v.parse(FileAnswer, body);
      assert.deepEqual([file.size, file.digest], [6 * MIB, digest]);
      ids.push(file.file_id);
    }
    // Readers that take their time do not fill it, either.
    const readers = await Promise.all(ids.map((id) => fetch(`${app.origin}/api/v1/files/${id}`)));
    await eventually(isSmall);
    for (const reader of readers) {
      const hash = createHash('sha256');
      for await (const chunk of reader.body ?? []) hash.update(chunk);
      assert.equal(`sha256:${hash.digest('hex')}`, digest);
    }
  });

  test('may be a hundred at once, and may be cut off', async () => {
    using folder = folderWith({});
    await using app = await serveWatchedApp(['--db', `sqlite:///${folder.path}/t.db`]);
    const bytes = randomBytes(100_000);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const all = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const it = upload(app.origin, `c${n % 7}`);
        await it.send(bytes.subarray(0, 70_000));
        if (n % 10 === 0) {
          it.request.destroy();
          return undefined;
        }
        await it.send(bytes.subarray(70_000));
        return ended(it);
      }),
    );
    for (const answer of all) {
      if (!answer) continue;
      assert.equal(answer[0], 201);
      assert.equal(v.parse(FileAnswer, answer[1]).digest, digest);
    }
    await eventually(() => filesIn(folder.path).length === 90);
  });

  test('may take longer than other requests, as long as something comes', async () => {
    using folder = folderWith({ 'app.ts': ECHO });
    const args = ['--app', './app.ts:app', '--db', 'sqlite::memory:', '--request-timeout', '1'];
    await using app = await serveCommand(args, { cwd: folder.path });
    const slow = upload(app.url, 'slow');
    const silent = upload(app.url, 'silent');
    await silent.send(Buffer.from('half'));
    // Longer than the time after which the server looks for requests that are late.
    for (let n = 0; n < 24; n += 1) {
      await slow.send(Buffer.from('a piece '));
      await sleep(300);
    }
    assert.equal((await ended(slow))[0], 201);
    assert.equal((await silent.answer).statusCode, 408);
  });
});

describe('a place for files', () => {
  const bucket = 's3://bucket?region=x&endpoint=http://127.0.0.1:9';
  const keys = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };

  for (const [what, env, reason] of [
    [
      'whose package is missing',
      { NODE_OPTIONS: hidePackage('@bradenmacdonald/s3-lite-client') },
      /needs the package .*: npm install @bradenmacdonald\/s3-lite-client/,
    ],
    ['without keys', {}, /set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
    ['that does not answer', keys, /Cannot write files in s3:\/\/bucket\//],
  ] as const) {
    test(`${what} ends the start with what to do`, async () => {
      using folder = folderWith({ 'app.ts': ECHO });
      const args = ['--app', './app.ts:app', '--db', 'sqlite::memory:', '--files', bucket];
      const nothing = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
      const options = { cwd: folder.path, env: { ...nothing, ...env } };
      const { code, stderr } = await runCommand(
        [...args, '--metrics-port', '0', '--port', '0'],
        options,
      );
      assert.notEqual(code, 0);
      assert.match(stderr, reason);
      assert.doesNotMatch(stderr, /secret/);
    });
  }
});

test('a process that is killed leaves no half file, and keeps what it has taken', async () => {
  using folder = folderWith({ 'app.ts': ECHO });
  const database = `sqlite:///${folder.path}/t.db`;
  const args = ['--app', './app.ts:app', '--db', database];
  const bytes = randomBytes(300_000);
  let kept = '';
  {
    await using app = await serveCommand(args, { cwd: folder.path });
    const whole = upload(app.url, 'c');
    await whole.send(bytes);
    kept = v.parse(FileAnswer, (await ended(whole))[1]).file_id;
    const half = upload(app.url, 'c');
    await half.send(bytes.subarray(0, 200_000));
    await eventually(() => filesIn(folder.path).length === 2);
    app.kill('SIGKILL');
    await app.ended;
  }
  {
    await using app = await serveCommand(args, { cwd: folder.path });
    const read = await fetch(`${app.url}/api/v1/files/${kept}`);
    assert.ok(Buffer.from(await read.arrayBuffer()).equals(bytes));
    const list = await (await fetch(`${app.url}/api/v1/files?contact_id=c`)).text();
    assert.deepEqual(list.match(/"file_id": ?"[^"]+"/g)?.length, 1);
    app.kill('SIGTERM');
    await app.ended;
  }
  // What the service does a day later: no message has named either of them.
  await using store = await openStore(database);
  const left = await store.filesToErase({ unnamedMs: 0, limit: 9 });
  assert.equal(left.length, 2);
  await store.fileStore.remove(left);
  await store.forgetFiles(left);
  assert.deepEqual(filesIn(folder.path), []);
});

/** The files that were taken, half ones too. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && join(entry.parentPath, entry.name).includes('-files'))
    .map(({ name }) => name);
}
