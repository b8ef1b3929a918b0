// The command that writes threads and rated messages as JSON lines.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';

import { openStore } from 'jims-core';
import * as v from 'valibot';

import { describeStores } from '../../../jims-core/test/support/stores.ts';
import { feedbackLines, threadLines } from '../../src/cli/export/export-lines.ts';
import type { ExportOptions } from '../../src/cli/options/export-options.ts';
import { parseCommandLine } from '../../src/cli/options/options.ts';
import { jsonOf, testApiOn } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { COMMAND, folderWith, runCommand } from '../support/command.ts';
import type { Ended } from '../support/command.ts';
import { talker } from '../support/talker.ts';

describeStores(({ fresh }) => {
  test('threads and ratings come as lines, chosen by contact, thread and time', async () => {
    await using database = await fresh();
    using folder = folderWith({});
    const run = (...args: string[]): Promise<Ended> =>
      runCommand(['export', '--db', database.url, ...args], { cwd: folder.path });
    // The service goes on while it is exported.
    await using api = testApiOn(database.url, talker);
    const mine = await talk(api, 'me');
    const yours = await talk(api, 'you');

    const threads = await linesOf(run());
    assert.deepEqual(
      threads.map(({ thread }) => [thread?.thread_id, thread?.title]),
      [
        [yours.threadId, 'one'],
        [mine.threadId, 'one'],
      ],
    );
    const { events } = await jsonOf(await api.get(`/api/v1/threads/${mine.threadId}/events`));
    const withoutRuns = Object(events).map((event: object) => {
      return Object.fromEntries(Object.entries(event).filter(([name]) => name !== 'run_id'));
    });
    assert.deepEqual(threads[1]?.events, withoutRuns);

    await api.app.threads.setFeedback(mine.threadId, mine.messageId, {
      value: 'down',
      comment: 'line\nbreak\u2028!',
      tags: ['a'],
    });
    await api.app.threads.setFeedback(yours.threadId, yours.messageId, { value: 'up' });
    const [down, ...more] = await linesOf(run('--feedback', 'down'));
    assert.deepEqual(more, []);
    const { at, ...rest } = down ?? {};
    assert.deepEqual(rest, {
      thread_id: mine.threadId,
      contact_id: 'me',
      message_id: mine.messageId,
      value: 'down',
      comment: 'line\nbreak\u2028!',
      tags: ['a'],
      messages: [
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'Echo: one' },
      ],
      run_id: mine.runId,
      usage: [],
    });
    const idsOf = async (...args: string[]): Promise<unknown[]> =>
      (await exported('--db', database.url, ...args)).map(
        (line) => line.thread_id ?? line.thread?.thread_id,
      );
    const both = [mine.threadId, yours.threadId];
    assert.deepEqual(await idsOf('--feedback=any'), both);
    assert.deepEqual(await idsOf('--feedback=any', '--contact=you'), [yours.threadId]);
    assert.deepEqual(await idsOf('--feedback=any', '--thread', mine.threadId), [mine.threadId]);
    assert.deepEqual(await idsOf('--feedback=any', '--since', String(at)), both);
    assert.deepEqual(await idsOf('--feedback=any', '--since=2999-01-01'), []);
    assert.deepEqual(await idsOf('--contact=you'), [yours.threadId]);
    assert.deepEqual(await idsOf('--thread', mine.threadId), [mine.threadId]);
    assert.deepEqual(await idsOf('--thread', mine.threadId, '--contact=you'), []);
    assert.deepEqual(await idsOf('--since=2999-01-01T00:00:00Z'), []);
    assert.deepEqual(await idsOf('--since=2001-01-01'), both.toReversed());
    const { stdout, stderr } = await run('--contact=you');
    assert.equal(linesIn(stdout)[0]?.thread?.thread_id, yours.threadId);
    assert.match(stderr, /^1 threads of /);
    const args = [...COMMAND, 'export', '--db', database.url];
    const onFullDisk = spawn(process.execPath, args, {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    assert.ok(onFullDisk.stderr);
    const [complaint, [code]] = await Promise.all([
      text(onFullDisk.stderr),
      once(onFullDisk, 'close'),
    ]);
    assert.match(complaint, /^jims-api: .* is not complete: ENOSPC.*\n$/);
    assert.equal(code, 1);
  });
});

describeStores(({ name, bare }) => {
  test('a database without threads is refused, and stays as it is', async () => {
    await using database = await bare();
    using folder = folderWith({ 'empty.db': '' });
    const [urls, reason] =
      name === 'sqlite'
        ? [['gone.db', 'empty.db'].map((file) => `sqlite:///${file}`), /in '.*\.db': name the file/]
        : [[database.url], /in the schema public of Postgre.*: name a schema/];
    for (const url of [...urls, ...urls]) {
      const { code, stdout, stderr } = await runCommand(['export', '--db', url], {
        cwd: folder.path,
      });
      assert.match(stderr, /^jims-api: There are no threads [^\n]*\n$/);
      assert.match(stderr, reason);
      assert.deepEqual([code, stdout], [1, '']);
    }
  });
});

describe('export', () => {
  test('a mistake is one message, and help names what it takes', async () => {
    using folder = folderWith({});
    const run = (...args: string[]): Promise<Ended> =>
      runCommand(['export', '--db', 'sqlite::memory:', ...args], { cwd: folder.path });
    const wrong: readonly [string[], RegExp][] = [
      [['--feedback=sideways'], /'sideways' is not one of up, down, any/],
      [['--thread=x'], /'x' is not the id of a thread/],
      [['--since=yesterday'], /'yesterday' is not a time such as 2026-11-01/],
      [['--since=2026-02-31T99:00:00Z'], /is not a time/],
      [['--since=2026-02-30'], /is not a time/],
      [['--port=1'], /No such option: --port/],
      [['more'], /unexpected extra argument \(more\)/],
    ];
    for (const [args, reason] of wrong) {
      assert.throws(() => optionsOf(args), { name: 'UsageError', message: reason });
    }
    const { code, stdout, stderr } = await run('--thread=x');
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /'x' is not the id of a thread/);
    const help = await run('--help');
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^Usage: jims-api export \[OPTIONS\]/);
    for (const name of ['feedback', 'contact', 'thread', 'since', 'db', 'schema']) {
      assert.match(help.stdout, new RegExp(`--${name} TEXT`));
    }
    const none = await runCommand(['export', '--db', 'nowhere://x'], { cwd: folder.path });
    assert.equal(none.code, 1);
    assert.match(none.stderr, /^jims-api: Cannot tell which database/);
  });
});

interface Talk {
  readonly threadId: string;
  readonly messageId: string;
  readonly runId: string;
}

/** Two messages and their answers; gives the first answer. */
async function talk(api: TestApi, contact_id: string): Promise<Talk> {
  const first = await api.post('/api/v1/chat', { contact_id, message: 'one' });
  const threadId = String((await jsonOf(first))['thread_id']);
  await (await api.post('/api/v1/chat', { contact_id, message: 'two' })).text();
  const { events } = await jsonOf(await api.get(`/api/v1/threads/${threadId}/events?domain=comm`));
  return {
    threadId,
    messageId: Object(events)[1].event_id,
    runId: first.headers.get('x-jims-run-id') ?? '',
  };
}

/** A line of either kind. */
const Line = v.looseObject({
  thread: v.optional(v.looseObject({ thread_id: v.string(), title: v.nullable(v.string()) })),
  thread_id: v.optional(v.string()),
  events: v.optional(v.array(v.unknown())),
  at: v.optional(v.string()),
});

async function linesOf(ended: Promise<Ended>): Promise<v.InferOutput<typeof Line>[]> {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, stderr);
  return linesIn(stdout);
}

/** What the command writes with these options, without its start. */
async function exported(...args: string[]): Promise<v.InferOutput<typeof Line>[]> {
  const options = optionsOf(args);
  await using store = await openStore(options.store ?? '');
  const lines = options.feedback ? feedbackLines(store, options) : threadLines(store, options);
  return linesIn((await Array.fromAsync(lines)).join(''));
}

function optionsOf(args: readonly string[]): ExportOptions {
  const command = parseCommandLine(['export', ...args], {}, '1.0.0');
  assert.ok(command.kind === 'export');
  return command.options;
}

function linesIn(printed: string): v.InferOutput<typeof Line>[] {
  assert.ok(printed === '' || printed.endsWith('\n'));
  return printed
    .split('\n')
    .slice(0, -1)
    .map((line) => v.parse(Line, JSON.parse(line)));
}
