import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openStore } from 'jims-core';
import type { QuestionRecord, Store } from 'jims-core';

import { closedQuestion } from '../../src/chat/question-closed.ts';
import { testApiOn } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { askingPipeline } from '../support/asking-pipeline.ts';

async function ask(api: TestApi): Promise<QuestionRecord> {
  await api.post('/api/v1/chat', { contact_id: 'anna', message: 'refund' });
  const { questions } = await api.app.questions.list({ limit: 1 });
  return questions[0] ?? assert.fail();
}

test('a thread is not watched any more once its question is closed, or nobody waits for it', async () => {
  await using opened = await openStore('sqlite::memory:');
  let watching = 0;
  const store: Store = {
    ...opened,
    watchThread(...args) {
      const unwatch = opened.watchThread(...args);
      watching++;
      return () => {
        watching--;
        unwatch();
      };
    },
  };
  await using api = testApiOn(store, askingPipeline);
  const question = await ask(api);
  const gone = new AbortController();
  const answered = closedQuestion(api.app, question, new AbortController().signal);
  const left = closedQuestion(api.app, question, gone.signal);
  await api.app.threads.get(question.threadId);
  assert.equal(watching, 2);
  gone.abort();
  assert.equal(await left, undefined);
  await api.post('/api/v1/chat', { contact_id: 'anna', message: 'yes' });
  assert.equal((await answered)?.state, 'answered');
  await new Promise(setImmediate);
  assert.equal(watching, 0);
});
