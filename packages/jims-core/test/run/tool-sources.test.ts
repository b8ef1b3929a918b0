// What tools say that an answer comes from: sources of the message, live and stored.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { defineApp } from 'jims-core';
import type { MessageSource, Pipeline, Run } from 'jims-core';
import type { AnswerPart, RunTool } from 'jims-core/llm';
import { scriptedModel } from 'jims-core/testing';
import type { ScriptedAnswer } from 'jims-core/testing';

import { replayTwice, runPipeline } from '../support/run-pipeline.ts';
import type { PipelineTurn } from '../support/run-pipeline.ts';

const HOURS = { url: 'https://shop.example/hours', title: 'Opening hours' };
const RETURNS = { url: 'https://shop.example/returns', excerpt: '30 days' };
const SEARCH: ScriptedAnswer = { calls: [{ name: 'search' }] };
const SEARCH_AND_REFUND: ScriptedAnswer = { calls: [{ name: 'search' }, { name: 'refund' }] };

const search: RunTool = {
  description: 'Searches',
  execute(_, { source }) {
    for (const each of [HOURS, RETURNS, HOURS]) source(each);
    return 'Open from 9 to 17';
  },
};
const refund: RunTool = {
  description: 'Refunds',
  needsApproval: true,
  approvalText: 'Refund it?',
  execute: () => 'refunded',
};
const tools = { search, refund };
const answers: Pipeline = (ctx) => ctx.sendMessage(ctx.llm.run(ctx.context(), { tools }));

function dataOf(turn: PipelineTurn | undefined): unknown[] {
  const said = turn?.sent.filter(({ type }) => type.startsWith('comm.')) ?? [];
  return said.map(({ data }) => data);
}

async function sourcesOf(run: Run): Promise<MessageSource[]> {
  const sources: MessageSource[] = [];
  for await (const event of run.listen()) if (event.type === 'source') sources.push(event.source);
  return sources;
}

describe('sources of tools', () => {
  test('are those of the message, each once and after those of its options', async () => {
    const given = { url: 'https://shop.example/' };
    const model = scriptedModel([SEARCH, SEARCH, 'From 9.']);
    const pipeline: Pipeline = (ctx) =>
      ctx.sendMessage(ctx.llm.run(ctx.context(), { tools }), { sources: [given, RETURNS] });
    const app = defineApp({ pipeline, llm: { model }, store: 'sqlite::memory:' });
    try {
      const run = await app.runs.start({ contactId: 'c', message: 'When?' });
      assert.deepEqual(await sourcesOf(run), [HOURS, RETURNS, given]);
      const end = await run.end;
      assert.ok(end.type === 'result');
      assert.deepEqual(end.result.events.at(-1)?.data, {
        role: 'assistant',
        content: 'From 9.',
        sources: [HOURS, RETURNS, given],
      });
    } finally {
      await app.close();
    }
  });

  test('are kept while the contact is asked, and at each replay', async () => {
    const llm = (): { model: ReturnType<typeof scriptedModel> } => ({
      model: scriptedModel([SEARCH_AND_REFUND, 'It is on its way.']),
    });
    const [asked, done] = await runPipeline(answers, ['Money', 'yes'], { llm: llm() });
    assert.deepEqual(asked?.messages, ['Refund it?']);
    assert.deepEqual(dataOf(done), [
      { role: 'assistant', content: 'It is on its way.', sources: [HOURS, RETURNS] },
    ]);
    await replayTwice(answers, ['Money', 'yes'], { llm: llm() });
  });

  test('go with what was said before the question', async () => {
    const model = scriptedModel([{ text: 'From 9.', ...SEARCH_AND_REFUND }, 'It is on its way.']);
    const [asked, done] = await runPipeline(answers, ['Money', 'yes'], { llm: { model } });
    assert.deepEqual(dataOf(asked)[0], {
      role: 'assistant',
      content: 'From 9.',
      sources: [HOURS, RETURNS],
    });
    assert.deepEqual(dataOf(done), [{ role: 'assistant', content: 'It is on its way.' }]);
  });

  test('are parts of an answer that something else reads', async () => {
    const model = scriptedModel([SEARCH, 'From 9.']);
    const [turn] = await runPipeline(
      async (ctx) => {
        async function* shout(): AsyncGenerator<string | AnswerPart> {
          for await (const part of ctx.llm.run(ctx.context(), { tools })) {
            yield part.type === 'text' ? part.text.toUpperCase() : part;
          }
        }
        await ctx.sendMessage(shout());
      },
      ['When?'],
      { llm: { model } },
    );
    assert.deepEqual(dataOf(turn), [
      { role: 'assistant', content: 'FROM 9.', sources: [HOURS, RETURNS] },
    ]);
  });

  test('that no message takes are a mistake of the app, which fails the run', async () => {
    const wrong: RunTool = {
      description: 'Searches',
      execute: (_, { source }) => source({ url: 'hours.md' }),
    };
    const pipeline: Pipeline = (ctx) =>
      ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { search: wrong } }));
    const model = scriptedModel([SEARCH, 'From 9.']);
    const [turn] = await runPipeline(pipeline, ['When?'], { llm: { model } });
    assert.ok(turn?.end.type === 'error');
    assert.match(String(turn.end.error.cause), /The url of a source must be an http or https/);
    assert.equal(model.requests.length, 1);
  });
});
