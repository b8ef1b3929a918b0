// The page about the pipeline: what it shows runs, and it shows every member of `ctx`.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { defineApp, newEvent } from 'jims-core';
import type { JimsApp, Pipeline, RunResult, ThreadContext } from 'jims-core';
import { scriptedModel } from 'jims-core/testing';

import { runPipeline } from '../../../jims-core/test/support/run-pipeline.ts';
import type { PipelineTurn } from '../../../jims-core/test/support/run-pipeline.ts';
import { folderWith } from '../support/command.ts';
import { chat, serveApp } from '../support/served-app.ts';
import { codeBlocks } from './code-blocks.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const [PROGRAM = '', ...BODIES] = codeBlocks('docs/pipeline.md', 'ts');

test('docs/pipeline.md: its app greets, shows buttons, takes a click by every way, and remembers it', async () => {
  const [app = ''] = codeBlocks('docs/pipeline.md', 'ts');
  await using served = await serveApp({ app });
  const clicked = { event_type: 'comm.user_button_click' };
  const first = await chat(served.origin, 'Hello', {
    run_conversation_start_on_new_thread: true,
  });
  assert.match(JSON.stringify(first.body['events']), /Which size\?.*"id":"large"/);
  const log = `${served.origin}/api/v1/threads/${String(first.body['thread_id'])}/events`;
  assert.match(await (await fetch(log)).text(), /Welcome!.*Hello.*Which size/);
  const click = await chat(served.origin, 'large', clicked);
  assert.deepEqual(click.body['assistant_messages'], ['A large one, then.']);
  const later = await chat(served.origin, 'And?');
  assert.deepEqual(later.body['assistant_messages'], ['You have ordered a large one.']);

  const byOpenAi = await fetch(`${served.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'btn:small' }] }),
  });
  assert.match(await byOpenAi.text(), /A small one, then\./);
});

describe('docs/pipeline.md: its examples', () => {
  const folder = folderWith(
    Object.fromEntries(BODIES.map((body, index) => [`example-${index}.ts`, moduleOf(body)])),
  );
  before(() => symlinkSync(MODULES, join(folder.path, 'node_modules')));
  after(() => folder[Symbol.dispose]());

  /** The pipeline of the example that has this text. */
  async function exampleWith(text: string): Promise<Pipeline> {
    const [index, ...others] = [...BODIES.keys()].filter((at) => BODIES[at]?.includes(text));
    assert.ok(index !== undefined && others.length === 0, `${text}: ${others.length}`);
    const { pipeline } = await import(pathToFileURL(join(folder.path, `example-${index}.ts`)).href);
    return pipeline;
  }

  test('what was said', async () => {
    const pipeline = await exampleWith('ctx.isCut');
    const voted = newEvent('shop.voted', {});
    const click = newEvent('comm.user_button_click', { role: 'user', content: 'large' });
    const turns = await runPipeline(pipeline, ['Hello', voted, click]);
    assert.deepEqual(
      turns.map(({ messages }) => messages),
      [
        ['user_message Hello: 0 before it, 0 votes, 1 for the model.'],
        ['user_message Hello: 1 before it, 1 votes, 2 for the model.'],
        ['user_button_click large: 3 before it, 1 votes, 4 for the model.'],
      ],
    );
  });

  test('answers', async () => {
    const pipeline = await exampleWith('ctx.setTitle');
    const llm = { model: scriptedModel(['From 9 to 17']) };
    const [turn] = await runPipeline(pipeline, ['When are you open?'], { llm });
    assert.deepEqual(sentBy(turn), [
      ['comm.assistant_message', 'We are open from 9 to 17.'],
      ['comm.assistant_message', 'From 9 to 17'],
      ['comm.assistant_message', 'You have 30 days.'],
      ['comm.assistant_message_with_buttons', 'Anything else?'],
      ['shop.answered', undefined],
      ['jims.thread.titled', undefined],
      ['shop.sent', undefined],
    ]);
    assert.deepEqual(turn?.sent.at(-1)?.data, { events: 6 });
    assert.deepEqual(turn.deltas, ['From ', '9 ', 'to ', '17']);
  });

  test('files', async () => {
    const pipeline = await exampleWith('ctx.files');
    await using app = defineApp({ pipeline, store: 'sqlite::memory:' });
    const contactId = 'c';
    assert.equal(contentOf(await said(app, { contactId, message: 'Hi' })), 'Send me a photo.');
    const content = ReadableStream.from([Buffer.from('a leaf')]);
    const { fileId } = await app.files.upload({ contactId, name: 'leaf.txt', content });
    const result = await said(app, { contactId, message: 'Look', files: [fileId] });
    assert.equal(contentOf(result), 'I have looked at leaf.txt.');
    const { files: reports } = await app.files.list({ contactId, limit: 10 });
    const report = reports.find(({ name }) => name === 'report.txt');
    assert.ok(report);
    assert.equal(
      Buffer.concat(await Array.fromAsync(app.files.read(report))).toString(),
      '6 bytes',
    );
  });

  test('state', async () => {
    const pipeline = await exampleWith('ctx.getState');
    const turns = await runPipeline(pipeline, ['One', 'Two']);
    assert.deepEqual(turns[1]?.messages, ['This is message 2.']);
    assert.deepEqual(turns[1]?.state, { visits: { count: 2 } });
  });

  test('models', async () => {
    const pipeline = await exampleWith('ctx.llm.usage');
    const model = scriptedModel([
      '{"topic": "order"}',
      { calls: [{ name: 'find_order', input: { id: '7' } }] },
      'It was sent.',
    ]);
    const [turn] = await runPipeline(pipeline, ['Where is order 7?'], { llm: { model } });
    assert.deepEqual(turn?.messages, ['It was sent.']);
    assert.deepEqual(
      turn.tools.map(({ title, status }) => [title, status]),
      [
        ['Looking up the order', 'running'],
        ['Looking up the order', 'completed'],
      ],
    );
    const costs = turn.sent.at(-1)?.data;
    assert.partialDeepStrictEqual(costs, { topic: 'order', usage: [{ requests: 3 }] });
  });

  test('steps and questions', async () => {
    const pipeline = await exampleWith('ctx.ask');
    const [asked, done] = await runPipeline(pipeline, ['Money back', 'yes']);
    assert.equal(asked?.question?.text, 'Send back 9 euros?');
    assert.deepEqual(done?.messages, ['It is on its way.']);
    const refunded = done.sent.find(({ type }) => type === 'shop.refunded')?.data;
    assert.match(String(refunded?.['on']), /^\d{4}-\d\d-\d\d$/);
    assert.equal(refunded?.['rules'], 'new');
    assert.equal(typeof refunded['chain'], 'string');
    const [, fine] = await runPipeline(pipeline, ['Money back', 'no']);
    assert.deepEqual(fine?.messages, ['Fine.']);
  });

  test('who and where', async () => {
    const pipeline = await exampleWith('ctx.threadConfig');
    const [turn] = await runPipeline(pipeline, ['Hello'], { threadConfig: { shop: 'Tents' } });
    assert.deepEqual(turn?.messages, ['test in Tents, asked by code']);
  });

  test('being stopped', async () => {
    const server = createServer((_, response) => response.end('From 9 to 17')).listen(0);
    const stopped = BODIES.findIndex((body) => body.includes('ctx.signal'));
    const address = Object(server.address());
    using own = folderWith({
      'example.ts': moduleOf(
        (BODIES[stopped] ?? '').replace('localhost:8080', `localhost:${address.port}`),
      ),
    });
    symlinkSync(MODULES, join(own.path, 'node_modules'));
    try {
      const { pipeline } = await import(pathToFileURL(join(own.path, 'example.ts')).href);
      const [turn] = await runPipeline(pipeline, ['When?']);
      assert.deepEqual(turn?.messages, ['From 9 to 17']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('show every member of ctx', async () => {
    let members: string[] = [];
    const look = (ctx: ThreadContext): void => {
      const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(ctx));
      members = [...Object.keys(ctx), ...methods].filter((name) => name !== 'constructor');
    };
    await runPipeline(look, ['Hello']);
    assert.ok(members.length > 20);
    const shown = [PROGRAM, ...BODIES].join('\n');
    const missing = members.filter((name) => !new RegExp(`\\b${name}\\b`).test(shown));
    assert.deepEqual(missing, []);
  });
});

/** What stands inside of a pipeline, as a module. */
function moduleOf(body: string): string {
  return `import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

export async function pipeline(ctx: ThreadContext) {
${body}}
`;
}

function sentBy(turn: PipelineTurn | undefined): unknown[] {
  return turn?.sent.map(({ type, data }) => [type, data['content']]) ?? [];
}

async function said(
  app: JimsApp,
  message: { contactId: string; message: string; files?: string[] },
): Promise<RunResult> {
  const run = await app.runs.start(message);
  const end = await run.end;
  assert.ok(end.type === 'result');
  return end.result;
}

function contentOf({ events }: RunResult): unknown {
  return events.at(-1)?.data['content'];
}
