import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { defineApp } from 'jims-core';
import type { FileRecord, JimsApp, JimsAppOptions } from 'jims-core';

import { fakeModels } from '../support/fake-models.ts';
import type { FakeModels } from '../support/fake-models.ts';
import { freshSqlite } from '../support/sqlite.ts';

/** One pixel, and something after it that is found wherever it is. */
const PNG = Buffer.concat([
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==',
    'base64',
  ),
  Buffer.from('a mark that nothing else has'.repeat(3)),
]);

describe('files of a thread in ctx.llm', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  function appOf(url: string, options: Pick<JimsAppOptions, 'pipeline' | 'durable'>): JimsApp {
    return defineApp({ ...options, store: url, llm: models.provider({ model: 'gpt-4.1-mini' }) });
  }

  async function upload(app: JimsApp, contactId = 'c'): Promise<FileRecord> {
    return app.files.upload({ contactId, name: 'dot.png', content: ReadableStream.from([PNG]) });
  }

  test('a picture is read once in a run, and its bytes are not in the database of a durable one', async () => {
    using file = freshSqlite();
    const app = appOf(file.url, {
      durable: true,
      async pipeline(ctx) {
        const { content } = await ctx.llm.chatCompletionPlain(ctx.history);
        await ctx.step('again', () => ctx.llm.chatCompletionPlain(ctx.context()));
        ctx.sendMessage(content ?? '');
      },
    });
    const { fileId } = await upload(app);
    const run = await app.runs.start({ contactId: 'c', message: 'Look', files: [fileId] });
    assert.equal((await run.end).type, 'result');
    const data = PNG.toString('base64');
    const sent = models.fake.requests.map(({ body }) => body.messages.at(-1).content);
    const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } };
    const content = [{ type: 'text', text: 'Look' }, picture];
    assert.deepEqual(sent, [content, content]);
    await app.close();
    const folder = dirname(file.path);
    const databases = readdirSync(folder).filter((name) => name.startsWith('test.db'));
    const files = databases.filter((name) => !name.endsWith('files'));
    assert.ok(files.length > 0);
    for (const name of files) {
      const bytes = readFileSync(join(folder, name));
      assert.ok(bytes.includes('dot.png'), 'it is the database');
      assert.equal(bytes.includes(data.slice(-60)), false);
      assert.equal(bytes.includes('a mark that nothing else has'), false);
    }
  });

  test('a file that was removed meanwhile is a note, and the answer comes', async () => {
    using file = freshSqlite();
    await using app = appOf(file.url, {
      pipeline: async (ctx) => void (await ctx.sendMessage(ctx.llm.stream(ctx.history))),
    });
    const { fileId } = await upload(app);
    const first = await app.runs.start({ contactId: 'c', message: 'Look', files: [fileId] });
    await first.end;
    await app.files.delete(fileId);
    const second = await app.runs.start({ contactId: 'c', message: 'And?' });
    assert.equal((await second.end).type, 'result');
    assert.equal(
      models.fake.requests.at(-1)?.body.messages[0].content,
      'Look\n\n[File "dot.png", image/png, which is not there any more]',
    );
  });
});
