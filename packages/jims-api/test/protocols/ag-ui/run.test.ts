import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { HttpAgent } from '@ag-ui/client';
import type { AgentCapabilities, BaseEvent, Message } from '@ag-ui/client';
import type { ThreadContext } from 'jims-core';

import { fakeModels } from '../../../../jims-core/test/support/fake-models.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { createGate } from '../../support/gate.ts';
import { keptMessages } from '../../support/kept-messages.ts';
import { serveApp } from '../../support/listening-app.ts';
import { talkative } from '../../support/talkative-pipeline.ts';

// The client prints each refusal.
mock.method(console, 'error', () => {});

interface AgentOptions {
  readonly origin: string;
  readonly threadId?: string;
  readonly headers?: Record<string, string>;
}

/** An agent, and how one says something with it. */
function agentFor({ origin, threadId = 'th-1', headers = {} }: AgentOptions): {
  agent: HttpAgent;
  events: BaseEvent[];
  say: (content: string, props?: object) => Promise<Message[]>;
} {
  const agent = new HttpAgent({ url: `${origin}/ag-ui`, threadId, headers });
  const events: BaseEvent[] = [];
  agent.subscribe({ onEvent: ({ event }) => void events.push(event) });
  return {
    agent,
    events,
    async say(content, props = {}) {
      agent.addMessage({ id: crypto.randomUUID(), role: 'user', content });
      const forwardedProps = { contact_id: 'c:1', ...props };
      return (await agent.runAgent({ forwardedProps })).newMessages;
    },
  };
}

function contentsOf(messages: readonly Message[]): unknown[] {
  return messages.map((message) => message.content);
}

function echoHistory(ctx: ThreadContext): void {
  ctx.sendMessage(ctx.history.map(({ role, content }) => `${role}: ${content}`).join('; '));
}

test('two messages of a thread are two runs of one thread', async () => {
  await using served = await serveApp(echoHistory);
  const { agent, say } = agentFor(served);
  await say('hello');
  await say('again');
  assert.deepEqual(contentsOf(agent.messages), [
    'hello',
    'user: hello',
    'again',
    'user: hello; assistant: user: hello; user: again',
  ]);
  const threads = (await served.app.threads.list({ contactId: 'c:1', limit: 10 })).threads;
  assert.equal(threads.length, 1);
});

test('statuses, messages, buttons and events come in order; what is internal does not come', async () => {
  await using served = await serveApp(talkative);
  const { say, events } = agentFor(served);
  const messages = await say('go');
  assert.deepEqual(contentsOf(messages), ['one two three', 'Which?', 'the end']);
  const summaries = events.map((event) => {
    const { type, name, value, delta } = Object.assign({ name: '', value: '', delta: '' }, event);
    return [type, name, value, delta].filter((each) => each !== '');
  });
  assert.deepEqual(summaries.slice(0, 10), [
    ['RUN_STARTED'],
    ['CUSTOM', 'jims.status', { status: 'Searching…', type: 'searching' }],
    ['CUSTOM', 'jims.status', { status: 'plain', type: 'status' }],
    ['CUSTOM', 'rag.found', { documents: 2 }],
    ['TEXT_MESSAGE_START'],
    ['TEXT_MESSAGE_CONTENT', 'one '],
    ['TEXT_MESSAGE_CONTENT', 'two '],
    ['TEXT_MESSAGE_CONTENT', 'three'],
    ['TEXT_MESSAGE_END'],
    ['TEXT_MESSAGE_START'],
  ]);
  assert.deepEqual(summaries[12], [
    'CUSTOM',
    'comm.assistant_message_with_buttons',
    {
      message_id: messages[1]?.id,
      buttons: [
        { text: 'A', id: 'a' },
        { text: 'B', id: 'b' },
      ],
    },
  ]);
  assert.doesNotMatch(JSON.stringify(events), /secret/);
});

test('the result of a run names the thread and has the texts', async () => {
  await using served = await serveApp(talkative);
  const { agent } = agentFor(served);
  agent.addMessage({ id: 'u1', role: 'user', content: [{ type: 'text', text: 'go' }] });
  const { result } = await agent.runAgent({ runId: 'r-1' });
  const [thread] = (await served.app.threads.list({ limit: 10 })).threads;
  assert.deepEqual(result, {
    thread_id: thread?.id,
    created_new_thread: true,
    assistant_messages: ['one two three', 'Which?', 'the end'],
  });
});

test('the usage of a run is listed by model', async () => {
  await using models = await fakeModels();
  const llm = models.provider({ model: 'gpt-4.1-mini' });
  const pipeline = (ctx: ThreadContext): Promise<string> =>
    ctx.sendMessage(ctx.llm.stream([{ role: 'user', content: 'one two' }]));
  await using served = await serveApp({ pipeline, llm });
  const { say, events } = agentFor(served);
  assert.deepEqual(contentsOf(await say('hello')), ['echo: one two']);
  const [usage, ...others] = Object(events.at(-1)).usage;
  assert.deepEqual(others, []);
  assert.equal(usage.model, 'gpt-4.1-mini');
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
});

test('text is seen to grow while the app still writes it', async () => {
  const gate = createGate();
  await using served = await serveApp(async (ctx) => {
    await ctx.sendMessage(
      (async function* () {
        yield 'Hel';
        await gate.passed(ctx.signal);
        yield 'lo';
      })(),
    );
  });
  const { agent, say } = agentFor(served);
  agent.subscribe({
    onTextMessageContentEvent({ event }) {
      if (event.delta === 'Hel') gate.open();
    },
  });
  assert.deepEqual(contentsOf(await say('hello')), ['Hello']);
});

test('messages that are streamed at the same time do not mix', async () => {
  const gate = createGate();
  await using served = await serveApp(async (ctx) => {
    const outer = ctx.sendMessage(
      (async function* () {
        yield 'outer ';
        await gate.passed(ctx.signal);
        yield 'end';
      })(),
    );
    await ctx.sendMessage(
      (async function* () {
        yield 'inner';
      })(),
    );
    gate.open();
    await outer;
  });
  const { say } = agentFor(served);
  assert.deepEqual(new Set(contentsOf(await say('go'))), new Set(['inner', 'outer end']));
});

test('text whose stream breaks off, and is caught, is ended before the run', async () => {
  await using served = await serveApp(async (ctx) => {
    const broken = ctx.sendMessage(
      (async function* () {
        yield 'half';
        throw new Error('the model is gone');
      })(),
    );
    await broken.catch(() => {});
    ctx.sendMessage('sorry');
  });
  const { say } = agentFor(served);
  assert.deepEqual(contentsOf(await say('go')), ['half', 'sorry']);
});

test('abortRun cancels the run, and what was seen is kept', async () => {
  const { pipeline, stopped } = agentPipeline();
  await using served = await serveApp(pipeline);
  const { agent, say } = agentFor(served);
  agent.subscribe({ onTextMessageContentEvent: () => agent.abortRun() });
  assert.deepEqual(contentsOf(await say('wait')), ['beginning ']);
  await stopped;
  const thread = await served.app.threads.findByExternalId('c:1', 'jims:ag-ui:th-1');
  const threadId = thread?.thread.id ?? '';
  assert.deepEqual(await keptMessages(served.app, threadId), [
    { text: 'wait', partial: false },
    { text: 'beginning ', partial: true },
  ]);
});

test('a run that is cancelled by another request ends as cancelled', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const { agent, say, events } = agentFor(served);
  agent.subscribe({
    async onTextMessageContentEvent() {
      const [thread] = (await served.app.threads.list({ limit: 1 })).threads;
      (await served.app.runs.active(thread?.id ?? ''))?.cancel();
    },
  });
  assert.deepEqual(contentsOf(await say('wait')), ['beginning ']);
  assert.deepEqual(Object(events.at(-1)).outcome, { type: 'cancelled' });
});

test('a broken pipeline is a RUN_ERROR; its question is not stored twice when it is sent again', async () => {
  let broken = true;
  await using served = await serveApp((ctx) => {
    if (broken) throw new Error('kaboom');
    echoHistory(ctx);
  });
  const { agent, say, events } = agentFor(served);
  await say('hello');
  assert.equal(events.at(-1)?.type, 'RUN_ERROR');
  assert.match(Object(events.at(-1)).message, /^Pipeline error \(request /);
  assert.equal(Object(events.at(-1)).code, 'pipeline_error');
  broken = false;
  const { newMessages } = await agent.runAgent({ forwardedProps: { contact_id: 'c:1' } });
  assert.deepEqual(contentsOf(newMessages), ['user: hello']);
});

test('an error in the middle of text is taken by the client', async () => {
  await using served = await serveApp(async (ctx) => {
    await ctx.sendMessage(
      (async function* () {
        yield 'half';
        throw new Error('the model is gone');
      })(),
    );
  });
  const { say, events } = agentFor(served);
  assert.deepEqual(contentsOf(await say('go')), ['half']);
  assert.equal(events.at(-1)?.type, 'RUN_ERROR');
});

test('what is refused has its status, and the answer as the payload', async () => {
  await using served = await serveApp(echoHistory, { apiKeys: ['key'] });
  const stranger = agentFor(served);
  await assert.rejects(stranger.say('hello'), (error: Error) => {
    assert.equal(Object(error).status, 401);
    assert.equal(typeof Object(error).payload.detail, 'string');
    return true;
  });
  const { say } = agentFor({ ...served, headers: { authorization: 'Bearer key' } });
  assert.deepEqual(contentsOf(await say('hello')), ['user: hello']);
  await assert.rejects(say('x', { event_type: 'context.note' }), { status: 422 });
});

test('an input that cannot be used is refused', async () => {
  await using served = await serveApp(echoHistory);
  const { agent } = agentFor(served);
  agent.setMessages([{ id: 'a1', role: 'assistant', content: 'hm' }]);
  await assert.rejects(agent.runAgent(), { status: 422 });
  const image = { type: 'image', source: { type: 'url', value: 'https://example.org/a.png' } };
  agent.setMessages([{ id: 'u1', role: 'user', content: [image] } as unknown as Message]);
  await assert.rejects(agent.runAgent(), { status: 422 });
  const response = await fetch(`${served.origin}/ag-ui`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  assert.equal(response.status, 422);
  assert.deepEqual(
    Object(await response.json()).detail.map(({ loc }: { loc: string[] }) => loc.at(-1)),
    ['threadId', 'runId', 'messages'],
  );
});

test('a request sent again with its idempotency key gets the same answer, and is run once', async () => {
  let runs = 0;
  await using served = await serveApp((ctx) => ctx.sendMessage(`run ${++runs}`));
  const post = async (): Promise<string> => {
    const response = await fetch(`${served.origin}/ag-ui`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k1' },
      body: JSON.stringify({
        threadId: 't',
        runId: 'r',
        parentRunId: 'p',
        messages: [{ id: 'u', role: 'user', content: 'hi' }],
      }),
    });
    return response.text();
  };
  const first = await post();
  assert.match(first, /"delta":"run 1"/);
  assert.match(first, /"protocolVersion":"1.0","threadId":"t","runId":"r","parentRunId":"p"/);
  assert.equal(await post(), first);
  assert.equal(runs, 1);
});

test('a message edited, or taken back, forks the thread with what is before it', async () => {
  await using served = await serveApp(echoHistory);
  const { agent, say } = agentFor(served);
  await say('one');
  await say('two');
  agent.setMessages(agent.messages.slice(0, 2));
  assert.deepEqual(contentsOf(await say('other')), [
    'user: one; assistant: user: one; user: other',
  ]);
});

test('without messages the client gets the history, and nothing is run', async () => {
  let runs = 0;
  await using served = await serveApp(async (ctx) => {
    runs++;
    await talkative(ctx);
  });
  const { say } = agentFor(served);
  await say('go');
  const { agent } = agentFor(served);
  const { newMessages } = await agent.runAgent({ forwardedProps: { contact_id: 'c:1' } });
  assert.deepEqual(contentsOf(agent.messages), ['go', 'one two three', 'Which?', 'the end']);
  assert.equal(newMessages.length, 4);
  assert.equal(runs, 1);
  const unknown = agentFor({ ...served, threadId: 'never' });
  await unknown.agent.runAgent({ forwardedProps: { contact_id: 'c:1' } });
  assert.deepEqual(unknown.agent.messages, []);
});

test('capabilities say what the service does; what only the app knows is left out', async () => {
  const app = { name: 'Shop', version: '1.2.3', pipeline: echoHistory };
  await using served = await serveApp(app, {
    apiKeys: ['key'],
    limits: { timeoutMs: 5000 },
    fileLimits: { fileTypes: ['image/*', 'application/pdf'] },
  });
  const url = `${served.origin}/ag-ui/capabilities`;
  assert.equal((await fetch(url)).status, 401);
  const response = await fetch(url, { headers: { authorization: 'Bearer key' } });
  const expected: AgentCapabilities = {
    identity: { type: 'jims', name: 'Shop', version: '1.2.3' },
    transport: {
      streaming: true,
      websocket: false,
      httpBinary: false,
      pushNotifications: false,
      resumable: false,
    },
    tools: { clientProvided: false },
    state: { snapshots: false, deltas: false },
    reasoning: { streaming: true, encrypted: false },
    multimodal: { input: { image: true, audio: false, video: false, pdf: true, file: false } },
    execution: { maxExecutionTime: 5000 },
    humanInTheLoop: { supported: true, interrupts: true, approveWithEdits: false },
  };
  assert.deepEqual(await response.json(), expected);
});

test('threads of one name are two when they are of two contacts, and a foreign thread is unknown', async () => {
  await using served = await serveApp(echoHistory);
  const mine = agentFor(served);
  await mine.say('mine', { contact_id: 'a' });
  const theirs = agentFor(served);
  assert.deepEqual(contentsOf(await theirs.say('theirs', { contact_id: 'b' })), ['user: theirs']);
  const [thread] = (await served.app.threads.list({ contactId: 'a', limit: 1 })).threads;
  const named = { thread_id: thread?.id, contact_id: 'b' };
  await assert.rejects(agentFor(served).say('let me in', named), { status: 404 });
  assert.deepEqual(contentsOf(await agentFor(served).say('again', { ...named, contact_id: 'a' })), [
    'user: mine; assistant: user: mine; user: again',
  ]);
});

test('what the client says about its surroundings is in the config of a new thread', async () => {
  await using served = await serveApp((ctx) => ctx.sendMessage(JSON.stringify(ctx.threadConfig)));
  const { agent } = agentFor(served);
  agent.addMessage({ id: 'u', role: 'user', content: 'hi' });
  const context = [{ description: 'page', value: '/prices' }];
  const { newMessages } = await agent.runAgent({
    context,
    forwardedProps: { thread_config: { lang: 'en' } },
  });
  assert.deepEqual(JSON.parse(Object(newMessages[0]).content), {
    lang: 'en',
    agui_context: context,
  });
});

test('a full service, and a busy thread that may not queue, refuse', async () => {
  const gate = createGate();
  const app = async (ctx: ThreadContext): Promise<void> => gate.passed(ctx.signal);
  await using served = await serveApp(app, { limits: { maxRuns: 2, maxRunsPerCaller: 2 } });
  const running = agentFor(served).say('one');
  for (;;) {
    const [thread] = (await served.app.threads.list({ limit: 1 })).threads;
    if (thread && (await served.app.runs.active(thread.id))) break;
    await tick();
  }
  const [thread] = (await served.app.threads.list({ limit: 1 })).threads;
  const busy = { thread_id: thread?.id, on_busy: 'reject' };
  await assert.rejects(agentFor(served).say('two', busy), { status: 409 });
  const other = agentFor({ ...served, threadId: 'th-2' }).say('three');
  while ((await served.app.threads.list({ limit: 3 })).threads.length < 2) await tick();
  await assert.rejects(agentFor({ ...served, threadId: 'th-3' }).say('four'), { status: 503 });
  gate.open();
  await Promise.all([running, other]);
});

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
