import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { emptiedDatabase } from '../../../../jims-core/test/support/emptied-database.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import { chat, mcpClient } from './mcp-client.ts';
import type { Elicit } from './mcp-client.ts';

function accept(content: NonNullable<ElicitResult['content']>): ElicitResult {
  return { action: 'accept', content };
}

/** Asks twice: for words, and for what fits a form. */
async function orderPipeline(ctx: ThreadContext): Promise<void> {
  const name = await ctx.ask('Which pizza?');
  const schema = v.object({ size: v.picklist(['s', 'l']), count: v.number() });
  const size = await ctx.ask('Which size?', { schema });
  assert.ok(name.kind === 'message' && size.kind === 'message');
  ctx.sendMessage(`${size.value?.count} ${name.text} ${size.value?.size}`);
}

test('a client that can is asked in the middle of its call, and the call goes on with the answer', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const forms: unknown[] = [];
  const elicit: Elicit = (form) => {
    forms.push(form);
    return accept({ answer: 'yes' });
  };
  await using mcp = await mcpClient(served.origin, {}, elicit);
  const reported: unknown[] = [];
  const options = { onprogress: (progress: unknown) => void reported.push(progress) };
  const { texts, structured } = await chat(mcp, 'refund', { options });
  assert.deepEqual(texts, ['comm.user_button_click yes: yes']);
  assert.equal(structured?.['created_new_thread'], true);
  const answer = {
    type: 'string',
    title: 'Answer',
    enum: ['yes', 'no'],
    enumNames: ['Yes, please', 'No'],
  };
  const requestedSchema = { type: 'object', properties: { answer }, required: ['answer'] };
  assert.deepEqual(forms, [{ message: 'Refund it?', requestedSchema }]);
  assert.equal(reported.length, 2);
});

test('several questions of one call are words, or a form of the question’s own schema', async () => {
  await using served = await serveApp({ pipeline: orderPipeline });
  const elicit: Elicit = ({ message }) =>
    accept(message === 'Which pizza?' ? { answer: 'Margherita' } : { size: 'l', count: 2 });
  await using mcp = await mcpClient(served.origin, {}, elicit);
  const { texts } = await chat(mcp, 'order');
  assert.deepEqual(texts, ['2 Margherita l']);
});

for (const action of ['decline', 'cancel'] as const) {
  test(`a user who says ${action} withdraws the question, and the call ends with it`, async () => {
    await using served = await serveApp({ pipeline: askingPipeline });
    await using mcp = await mcpClient(served.origin, {}, () => ({ action }));
    const { texts } = await chat(mcp, 'refund');
    assert.deepEqual(texts, ['Refund it?']);
    const { questions } = await served.app.questions.list({ limit: 10 });
    assert.deepEqual(
      questions.map(({ state }) => state),
      ['withdrawn'],
    );
  });
}

test('when the client has no answer after all, the question is the answer, and the next call answers it', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const cannotAsk: Elicit = () => {
    throw new Error('no window');
  };
  for (const elicit of [cannotAsk, (): ElicitResult => ({ action: 'accept' })]) {
    await using mcp = await mcpClient(served.origin, {}, elicit);
    const question = await chat(mcp, 'refund');
    assert.deepEqual(question.texts, ['Refund it?']);
    const answer = await chat(mcp, 'no', { thread_id: question.threadId });
    assert.deepEqual(answer.texts, ['comm.user_message no: no']);
  }
});

test('a call that is taken back while its user is asked withdraws the question', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const stop = new AbortController();
  const elicit: Elicit = () => {
    stop.abort();
    return new Promise(() => {});
  };
  await using mcp = await mcpClient(served.origin, {}, elicit);
  await assert.rejects(chat(mcp, 'refund', { options: { signal: stop.signal } }));
  for (;;) {
    const { questions } = await served.app.questions.list({ limit: 10 });
    if (questions[0]?.state === 'withdrawn') return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test('the answer may come by way of another process than the one that asks', async () => {
  await using database = await emptiedDatabase();
  await using one = await serveApp({ pipeline: askingPipeline }, { store: database.url });
  await using two = await serveApp({ pipeline: askingPipeline }, { store: database.url });
  const elicit: Elicit = () => accept({ answer: 'no' });
  await using mcp = await mcpClient(one.origin, {}, elicit);
  const send = mcp.transport.send.bind(mcp.transport);
  mcp.transport.send = async (message, options) => {
    if (!('result' in message)) return send(message, options);
    const { sessionId = '' } = mcp.transport;
    const headers = { 'content-type': 'application/json', 'mcp-session-id': sessionId };
    const body = JSON.stringify(message);
    const response = await fetch(`${two.origin}/mcp`, { method: 'POST', headers, body });
    assert.equal(response.status, 202);
  };
  const { texts } = await chat(mcp, 'refund');
  assert.deepEqual(texts, ['comm.user_button_click no: no']);
});

test('another contact cannot answer, and a session that cannot ask is not listened to', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const asking = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<ElicitResult>();
  const elicit: Elicit = () => {
    asking.resolve();
    return answered.promise;
  };
  await using mcp = await mcpClient(served.origin, { 'x-jims-contact-id': 'anna' }, elicit);
  await using plain = await mcpClient(served.origin, { 'x-jims-contact-id': 'anna' });
  await using other = await mcpClient(served.origin, { 'x-jims-contact-id': 'bert' }, elicit);
  const call = chat(mcp, 'refund');
  await asking.promise;
  const { questions } = await served.app.questions.list({ limit: 10 });
  const id = `question:${questions[0]?.questionId}`;
  for (const { transport } of [plain, other]) {
    await transport.send({ jsonrpc: '2.0', id, result: { ...accept({ answer: 'no' }) } });
  }
  answered.resolve(accept({ answer: 'yes' }));
  assert.deepEqual((await call).texts, ['comm.user_button_click yes: yes']);
});
