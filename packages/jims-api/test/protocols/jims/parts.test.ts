// What a message is made of, as clients of the native stream see it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { emptiedDatabase } from '../../../../jims-core/test/support/emptied-database.ts';
import { SQLITE } from '../../../../jims-core/test/support/stores.ts';
import { parseFrames, testApiOn } from '../../support/api.ts';
import type { TestApi, TestFrame } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';
import { thorough } from '../../support/thorough-pipeline.ts';

const STREAM = '/api/v1/chat/stream';
const INCLUDE = ['reasoning', 'tool', 'source', 'file'];
const SOURCE = { url: 'https://shop.example/faq', title: 'FAQ', excerpt: 'By noon' };

describe('parts', () => {
  const { fresh } = SQLITE;
  test('a service gets all of it, live and joined; the message has what is kept', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, thorough);
    const include = [...INCLUDE, 'thread', 'delta'];
    const frames = await streamed(api, { contact_id: 'c', message: 'where?', include });
    const message_id = frames.find(({ event }) => event === 'delta')?.data['message_id'];
    const find = {
      message_id,
      id: idOf('find', message_id),
      name: 'find-order',
      title: 'Looking for your order',
    };
    const check = { message_id, id: idOf('check', message_id), name: 'check-fraud' };
    assert.deepEqual(dataOf(frames, 'tool'), [
      { ...find, status: 'running', input: { order: 'secret-input' } },
      { ...find, status: 'completed', output: { at: 'secret-output' } },
      { ...check, status: 'running', input: {} },
      { ...check, status: 'failed', error: 'secret-reason' },
    ]);
    assert.deepEqual(dataOf(frames, 'reasoning'), [
      { message_id, delta: 'I must ' },
      { message_id, delta: 'look' },
    ]);
    assert.deepEqual(dataOf(frames, 'source'), [{ message_id, ...SOURCE }]);
    const [file] = dataOf(frames, 'file');
    const { message_id: _, ...kept } = file ?? {};
    assert.deepEqual(
      [kept['name'], kept['media_type'], kept['size']],
      ['label.txt', 'text/plain', 8],
    );
    const [result] = dataOf(frames, 'result');
    assert.deepEqual(result?.['events'], [
      {
        event_type: 'comm.assistant_message',
        event_data: {
          role: 'assistant',
          content: 'It is on its way.',
          files: [kept],
          sources: [SOURCE],
          reasoning: 'I must look',
        },
      },
    ]);

    const runId = String(dataOf(frames, 'thread')[0]?.['run_id']);
    const query = `include=${include.join('&include=')}`;
    const joined = parseFrames(
      await (await api.get(`/api/v1/runs/${runId}/stream?${query}`)).text(),
    );
    for (const name of ['tool', 'source', 'file', 'result']) {
      assert.deepEqual(dataOf(joined, name), dataOf(frames, name));
    }
    assert.equal(textOf(joined, 'reasoning'), 'I must look');
  });

  test('a contact gets of tools the title and the status alone', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, thorough, byContactHeader);
    const body = { message: 'where?', include: INCLUDE };
    const frames = await streamed(api, body, { 'x-contact': 'anna' });
    const tools = dataOf(frames, 'tool');
    const { id, message_id } = tools[0] ?? {};
    assert.deepEqual(tools, [
      { message_id, id, title: 'Looking for your order', status: 'running' },
      { message_id, id, title: 'Looking for your order', status: 'completed' },
    ]);
    assert.doesNotMatch(JSON.stringify(frames), /secret|find-order|check-fraud|find-|check-/);
    assert.equal(textOf(frames, 'reasoning'), 'I must look');
  });

  test('a client that requests none of it gets the original’s frames', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, thorough);
    const plain = await (await api.post(STREAM, { contact_id: 'c', message: 'x' })).text();
    assert.match(plain, /^event: result\ndata: \{[^\n]*\}\n\n$/);
  });
});

test('a run of another process is followed with all of it, as it comes', async () => {
  await using database = await emptiedDatabase();
  const gate = Promise.withResolvers<void>();
  await using here = testApiOn(database.url, async (ctx) => {
    await thorough(ctx);
    await gate.promise;
  });
  await using there = testApiOn(database.url, thorough);
  const run = await here.app.runs.start({ contactId: 'c', message: 'where?' });
  const query = `include=${INCLUDE.join('&include=')}`;
  const stream = await there.get(`/api/v1/runs/${run.id}/stream?${query}`);
  let text = '';
  for await (const piece of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    if (text.includes('event: file')) gate.resolve();
  }
  const frames = parseFrames(text);
  assert.equal(dataOf(frames, 'tool').length, 4);
  assert.equal(textOf(frames, 'reasoning'), 'I must look');
  assert.equal(dataOf(frames, 'source')[0]?.['excerpt'], 'By noon');
  assert.equal(dataOf(frames, 'file')[0]?.['name'], 'label.txt');
});

/** Ids that a stream counts are not the same in two messages. */
function idOf(id: string, messageId: unknown): string {
  return `${id}-${String(messageId).slice(-8)}`;
}

async function streamed(
  api: TestApi,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestFrame[]> {
  const response = await api.post(STREAM, body, headers);
  assert.equal(response.status, 200);
  return parseFrames(await response.text());
}

function dataOf(frames: readonly TestFrame[], name: string): TestFrame['data'][] {
  return frames.filter(({ event }) => event === name).map(({ data }) => data);
}

function textOf(frames: readonly TestFrame[], name: string): string {
  return dataOf(frames, name)
    .map(({ delta }) => String(delta))
    .join('');
}
