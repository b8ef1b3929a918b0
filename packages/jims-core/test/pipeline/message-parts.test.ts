import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp, isRunEnd } from 'jims-core';
import type { ForeignPart, MessagePart, NewEvent, RunEvent, ThreadContext } from 'jims-core';

import { replayTwice, runPipeline } from '../support/run-pipeline.ts';

const CALL = 'call_long_enough_to_be_unique';
const FAQ = { url: 'https://shop.example/faq', title: 'FAQ' };

test('what a message is made of is shown at once, and kept with it', async () => {
  const seen: string[] = [];
  const app = defineApp({
    store: 'sqlite::memory:',
    pipeline: (ctx) => ctx.sendMessage(answer(), { keepReasoning: true }),
  });
  const run = await app.runs.start({ contactId: 'anna', message: 'Where is it?' });
  for await (const event of run.listen({ piecemeal: true })) seen.push(textOf(event));
  assert.deepEqual(seen, [
    'reasoning: Let me ',
    'reasoning: look',
    'tool: lookup running {"id":7}',
    'tool: lookup completed {"at":"the door"}',
    'source: https://shop.example/faq',
    'delta: It is at ',
    'delta: the door ',
    'delta: 😀',
    'event: context.tool_call',
    'event: context.tool_result',
    'event: comm.assistant_message',
    'result',
  ]);
  const end = await run.end;
  assert.ok(end.type === 'result');
  assert.deepEqual(
    end.result.events.map(({ data }) => data),
    [
      {
        role: 'assistant',
        content: '',
        tool_calls: [
          { id: CALL, type: 'function', function: { name: 'lookup', arguments: '{"id":7}' } },
        ],
      },
      { role: 'tool', tool_call_id: CALL, content: '{"at":"the door"}' },
      {
        role: 'assistant',
        content: 'It is at the door 😀',
        sources: [FAQ],
        reasoning: 'Let me look',
      },
    ],
  );
  await app.close();
});

test('the next turn knows the tools, in the order that models want', async () => {
  const turns = await runPipeline(
    async (ctx) => {
      if (ctx.lastUserMessage === 'next') return ctx.sendMessage(JSON.stringify(ctx.context()));
      await ctx.sendMessage(
        parts(
          call('a', 'one'),
          call('b', 'two'),
          { type: 'tool-result', id: 'b', output: 'B' },
          call('c', 'three'),
          { type: 'tool-result', id: 'a', error: 'no answer' },
          { type: 'tool-result', id: 'c', output: undefined },
          call('d', 'never done'),
          'done',
        ),
      );
    },
    ['first', 'next'],
  );
  const context: { role: string; content: string; tool_calls?: { id: string }[] }[] = JSON.parse(
    turns[1]?.messages[0] ?? '',
  );
  assert.deepEqual(
    context.map((each) => each.tool_calls?.map(({ id }) => id.charAt(0)).join() ?? each.content),
    ['first', 'a,b', 'B', 'no answer', 'c', 'null', 'done', 'next'],
  );
});

test('a message of parts comes to the same at a replay, and is made once', async () => {
  let made = 0;
  async function* once(): AsyncGenerator<string | MessagePart> {
    made++;
    yield* answer();
  }
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    const text = await ctx.sendMessage(once(), { keepReasoning: true, sources: [FAQ] });
    ctx.sendEvent('app.said', { text, sent: ctx.outgoingEvents.length });
    const reply = await ctx.ask(parts('Right? ', { type: 'source', url: 'https://a.example/' }));
    ctx.sendMessage(reply.kind);
  };
  await replayTwice(pipeline, ['Where is it?', 'yes']);
  assert.equal(made, 1);
  const [turn] = await runPipeline(pipeline, ['Where is it?']);
  const question = turn?.sent.at(-1)?.data;
  assert.deepEqual(question?.['sources'], [{ url: 'https://a.example/' }]);
  assert.equal(question['question_id'], turn?.question?.questionId);
});

test('a message that is stopped keeps the text and the sources that were seen', async () => {
  const app = defineApp({
    store: 'sqlite::memory:',
    async pipeline(ctx) {
      async function* endless(): AsyncGenerator<string | MessagePart> {
        yield* answer();
        yield fileOf('seen');
        yield { type: 'source', url: 'https://b.example/' };
        await new Promise((_, reject) => {
          ctx.signal.addEventListener('abort', () => reject(new Error('stopped')));
        });
      }
      await ctx.sendMessage(endless());
    },
  });
  const run = await app.runs.start({ contactId: 'anna', message: 'Where is it?' });
  for await (const event of run.listen()) {
    if (event.type === 'source' && event.source.url === 'https://b.example/') break;
  }
  await app.runs.cancel(run.id);
  const end = await run.end;
  assert.ok(end.type === 'cancelled');
  const { files, ...data } = end.events[0]?.data ?? {};
  assert.equal(end.events.length, 1);
  assert.deepEqual(Object(files)[0].name, 'a.txt');
  assert.deepEqual(
    [data],
    [
      {
        role: 'assistant',
        content: 'It is at the door 😀',
        sources: [FAQ, { url: 'https://b.example/' }],
        partial: true,
      },
    ],
  );
  await app.close();
});

test('text and reasoning that end within a character are well-formed', async () => {
  const [turn] = await runPipeline(
    (ctx) =>
      ctx.sendMessage(parts('x\ud83d', { type: 'reasoning', text: 'y\ud83d' }, '\ude00 z\ud83d'), {
        keepReasoning: true,
      }),
    ['hi'],
  );
  assert.deepEqual(turn?.sent[0]?.data, {
    role: 'assistant',
    content: 'x😀 z\ufffd',
    reasoning: 'y\ufffd',
  });
  assert.deepEqual([turn.deltas.join(''), turn.reasoning], ['x😀 z\ufffd', 'y\ufffd']);
});

test('sources of a message that is text are kept, each once', async () => {
  const [turn] = await runPipeline(
    (ctx) => ctx.sendMessage('See there', { sources: [FAQ, { url: FAQ.url }] }),
    ['hi'],
  );
  const data = { role: 'assistant', content: 'See there', sources: [FAQ] };
  assert.deepEqual(turn?.sent[0]?.data, data);
  assert.deepEqual(turn.deltas, []);
});

test('what a tool takes and gives is plain, and cut when it is large', async () => {
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  const big = 'x'.repeat(100_000);
  const [turn] = await runPipeline(
    (ctx) =>
      ctx.sendMessage(
        parts(
          { type: 'tool-call', id: 'a', name: 'n\0', input: { at: new Date(0), big } },
          { type: 'tool-result', id: 'a', output: big },
          { type: 'tool-call', id: 'a', name: 'again', input: loop },
          { type: 'tool-result', id: 'a', output: { half: '\ud83d' } },
          'done',
        ),
      ),
    ['hi'],
  );
  const [begun, done, again, last] = turn?.tools ?? [];
  assert.equal(begun?.name, 'n\ufffd');
  assert.match(
    String(begun.input),
    /^\{"at":"1970-01-01T00:00:00.000Z","big":"x{60000,65536}… \(\d+ more characters\)$/,
  );
  assert.match(String(done?.output), /^x{65536}… \(34464 more characters\)$/);
  assert.notEqual(again?.id, begun.id, 'an id that comes again is another call');
  assert.equal(again?.input, '(not JSON)');
  assert.deepEqual([last?.id, last?.output], [again.id, { half: '\ufffd' }]);
  const [calls, result] = turn?.sent ?? [];
  assert.match(String(result?.data['content']), /^x{16384}… \(83616 more characters\)$/);
  const [kept] = toolCallsOf(calls);
  assert.ok(kept && kept.function.arguments.length < 20_000);
  assert.match(JSON.parse(kept.function.arguments).cut, /more characters\)$/);
});

test('a file that a message makes is stored before it, and once', async () => {
  const file = fileOf('one');
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    await ctx.sendMessage('Two files', { files: [file, { ...file, name: 'b.txt' }] });
    await ctx.sendMessage(parts(fileOf('two'), 'A file'));
    ctx.sendEvent('app.said', { of: ctx.outgoingEvents.map(({ data }) => data['files']) });
    await ctx.ask('Right?');
  };
  await replayTwice(pipeline, ['hi', 'yes']);

  await using app = defineApp({ store: 'sqlite::memory:', pipeline, durable: true });
  const run = await app.runs.start({ contactId: 'anna', message: 'hi' });
  const shown: unknown[] = [];
  for await (const event of run.listen()) {
    if (event.type === 'file') shown.push(event.file);
  }
  const end = await run.end;
  assert.ok(end.type === 'result');
  const [two, one] = end.result.events.map(({ data }) => data['files']);
  assert.deepEqual([two, one].flat(), shown);
  const names = shown.map((each) => Object(each).name);
  assert.deepEqual(names, ['a.txt', 'b.txt', 'a.txt']);
  const records = await app.files.find(shown.map((each) => Object(each).file_id));
  const texts = await Promise.all(
    records.map(async (record) => Buffer.concat(await Array.fromAsync(app.files.read(record)))),
  );
  assert.deepEqual(texts.map(String).toSorted(), ['one', 'one', 'two']);
});

for (const [what, pieces, message] of [
  ['a source without a web address', [{ type: 'source', url: 'javascript:alert(1)' }], /web|http/],
  [
    'a source with a long address',
    [{ type: 'source', url: `https://a/${'x'.repeat(2048)}` }],
    /2048/,
  ],
  ['a result without a call', [{ type: 'tool-result', id: 'x' }], /'x', which no 'tool-call'/],
  ['text without text', [{ type: 'text' }], /'text' must have `text`/],
  ['a call without a name', [{ type: 'tool-call', id: 'x' }], /'tool-call' must have `name`/],
] as const) {
  test(`${what} fails the message, and says why`, async () => {
    const [turn] = await runPipeline((ctx) => ctx.sendMessage(parts(...pieces)), ['hi']);
    assert.ok(turn?.end.type === 'error');
    const { cause } = turn.end.error;
    assert.ok(cause instanceof Error);
    assert.match(cause.message, message);
    assert.deepEqual(turn.sent, []);
  });
}

test('what a run sends is bounded, whatever it is', async () => {
  async function* endless(): AsyncGenerator<MessagePart> {
    for (let n = 0; ; n++) yield { type: 'reasoning', text: 'hm' };
  }
  const app = defineApp({
    store: 'sqlite::memory:',
    pipeline: (ctx) => ctx.sendMessage(endless()),
  });
  await app.open({ limits: { maxOutputBytes: 10_000 } });
  const run = await app.runs.start({ contactId: 'anna', message: 'hi' });
  const end = await run.end;
  assert.ok(end.type === 'error');
  const { cause } = end.error;
  assert.ok(cause instanceof Error);
  assert.match(cause.message, /more than 10000 bytes/);
  await app.close();
});

async function* answer(): AsyncGenerator<string | MessagePart> {
  yield { type: 'reasoning', text: 'Let me ' };
  yield { type: 'reasoning', text: 'look' };
  yield { type: 'tool-call', id: CALL, name: 'lookup', input: { id: 7 } };
  yield { type: 'tool-result', id: CALL, output: { at: 'the door' } };
  yield { type: 'source', ...FAQ };
  yield { type: 'source', url: FAQ.url, title: 'the same' };
  yield 'It is at ';
  yield { type: 'text', text: 'the door \ud83d' };
  yield '\ude00';
}

async function* parts(
  ...pieces: readonly (string | MessagePart | ForeignPart)[]
): AsyncGenerator<string | MessagePart | ForeignPart> {
  yield* pieces;
}

function call(id: string, name: string): MessagePart {
  return { type: 'tool-call', id, name, input: {} };
}

function fileOf(text: string): MessagePart & { readonly type: 'file' } {
  return { type: 'file', name: 'a.txt', mediaType: 'text/plain', data: Buffer.from(text) };
}

function textOf(event: RunEvent): string {
  if (isRunEnd(event)) return event.type;
  switch (event.type) {
    case 'reasoning':
    case 'delta':
      return `${event.type}: ${event.delta}`;
    case 'tool': {
      const { name, status, input, output } = event.tool;
      return `tool: ${name} ${status} ${JSON.stringify(output ?? input)}`;
    }
    case 'source':
      return `source: ${event.source.url}`;
    case 'event':
      return `event: ${event.event.type}`;
    default:
      return event.type;
  }
}

function toolCallsOf(event: NewEvent | undefined): { function: { arguments: string } }[] {
  return JSON.parse(JSON.stringify(event?.data['tool_calls'] ?? []));
}
