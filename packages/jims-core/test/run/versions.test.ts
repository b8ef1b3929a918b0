// Two versions of an app at once, as while a new one is rolled out.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import type { Run } from '../../src/run/run.ts';
import { emptiedDatabase } from '../support/emptied-database.ts';

describe('versions of an app on one database', () => {
  test('an answer that comes to the new version goes on in the old one, which asked', async () => {
    await using database = await emptiedDatabase();
    await using old = versionOf('v1', database.url);
    await using next = versionOf('v2', database.url);
    await next.open();
    const contactId = randomUUID();
    const first = await (await old.runs.start({ contactId, message: 'hello' })).end;
    assert.ok(first.type === 'result' && first.result.question);

    const answered = await next.runs.start({ contactId, message: 'Anna' });

    assert.deepEqual(await textsOf(answered), ['Anna by v1']);
    const record = await old.runs.record(answered.id);
    assert.deepEqual([record?.status, record?.attempt], ['completed', 2]);
  });

  test('where no old version lives the new one goes on', async () => {
    await using database = await emptiedDatabase();
    const old = versionOf('v1', database.url);
    const contactId = randomUUID();
    await (
      await old.runs.start({ contactId, message: 'hello' })
    ).end;
    await old.close(0);
    await using next = versionOf('v2', database.url, 'v1');

    const answered = await next.runs.start({ contactId, message: 'Anna' });

    assert.deepEqual(await textsOf(answered), ['Anna by v2']);
  });
});

/** @param step The name of its step, which the pipeline of another version does not know. */
function versionOf(version: string, store: string, step = version): JimsApp {
  return defineApp({
    store,
    version,
    durable: true,
    async pipeline(ctx) {
      await ctx.step(step, () => 'done');
      const name = await ctx.ask('Your name?');
      ctx.sendMessage(`${name.kind === 'message' ? name.text : ''} by ${version}`);
    },
  });
}

async function textsOf(run: Run): Promise<unknown[]> {
  const end = await run.end;
  assert.ok(end.type === 'result', end.type === 'error' ? end.error.message : end.type);
  return end.result.events.map(({ data }) => data['content']);
}
