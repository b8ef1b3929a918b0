// What is exported of a contact: to a service all that is kept, to themselves what they may see.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openStore } from 'jims-core';

import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { threadLines } from '../../../src/cli/export/export-lines.ts';
import { jsonOf, testApiOn } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';

const EXPORT = '/api/v1/contacts/anna/export';
const ALL = { contact: undefined, thread: undefined, since: undefined };
const ANNA = { 'x-contact': 'anna' };

describeStores(({ fresh }) => {
  test('a service exports runs, feedback, questions and results, until their chain is over', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, { pipeline: askingPipeline, durable: true });
    const said = await jsonOf(
      await api.post('/api/v1/chat', { contact_id: 'anna', message: 'refund' }),
    );
    const threadId = String(said['thread_id']);
    const { events } = await api.app.threads.events(threadId, { limit: 10, domains: ['comm'] });
    const question = events.at(-1)?.id ?? '';
    await api.app.threads.setFeedback(threadId, question, { value: 'down', comment: 'why ask?' });

    const [exported] = Object(await jsonOf(await api.get(EXPORT)))['threads'];
    const [run] = exported.runs;
    assert.equal(exported.thread.thread_id, threadId);
    assert.deepEqual([run.status, run.thread_id], ['waiting', threadId]);
    assert.deepEqual(exported.feedback, [
      { thread_id: threadId, message_id: question, value: 'down', comment: 'why ask?', tags: [] },
    ]);
    const [asked] = exported.questions;
    assert.deepEqual([asked.text, asked.state, asked.run_id], ['Refund it?', 'open', run.run_id]);
    const results = exported.results.map(({ kind, name, value, error }: Result) => {
      return [kind, name, value, error?.['message']];
    });
    assert.deepEqual(results, [
      ['step', 'secret lookup', 'secret output', undefined],
      ['step', 'secret audit', 'secret output', undefined],
      ['step', 'secret charge', null, 'secret reason'],
      ['ask', null, null, undefined],
    ]);
    assert.equal(exported.results[3].question_id, asked.question_id);

    let line = '';
    await using store = await openStore(database.url);
    for await (const piece of threadLines(store, ALL)) line += piece;
    assert.deepEqual(JSON.parse(line), exported);

    await api.post('/api/v1/chat', { contact_id: 'anna', message: 'yes' });
    const [after] = Object(await jsonOf(await api.get(EXPORT)))['threads'];
    assert.deepEqual([after.runs.length, after.results], [2, []]);
    assert.equal(after.questions[0].state, 'answered');
  });

  test('a contact exports what they may see', async () => {
    await using database = await fresh();
    await using api = testApiOn(
      database.url,
      { pipeline: askingPipeline, durable: true },
      byContactHeader,
    );
    await api.post('/api/v1/chat', { message: 'refund' }, ANNA);
    const text = await (await api.get(EXPORT, ANNA)).text();
    assert.doesNotMatch(text, /secret/);
    const [exported] = JSON.parse(text).threads;
    assert.deepEqual(Object.keys(exported), ['thread', 'events', 'runs', 'feedback']);
    assert.equal(exported.runs[0].usage, null);
    assert.equal(exported.runs[0].question.text, 'Refund it?');
  });
});

interface Result {
  readonly kind: string;
  readonly name: string | null;
  readonly value: unknown;
  readonly error: Readonly<Record<string, unknown>> | null;
}
