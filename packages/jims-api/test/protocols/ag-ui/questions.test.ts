import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { EventType, HttpAgent, buildResumeArray } from '@ag-ui/client';
import type { BaseEvent, RunAgentParameters } from '@ag-ui/client';
import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { BUTTONS, askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';

// The client prints each refusal.
mock.method(console, 'error', () => {});

type Resume = NonNullable<RunAgentParameters['resume']>;

interface Page {
  readonly agent: HttpAgent;
  readonly events: BaseEvent[];
  /** Runs with a new message, and gives the texts of the answer. */
  readonly say: (content: string, more?: RunAgentParameters) => Promise<unknown[]>;
  /** Runs without a new message. */
  readonly resume: (entries: Resume) => Promise<unknown[]>;
}

function pageOf({ origin }: ServedApp): Page {
  const headers = { 'x-jims-contact-id': 'c:1' };
  const agent = new HttpAgent({ url: `${origin}/ag-ui`, threadId: 'th-1', headers });
  const events: BaseEvent[] = [];
  agent.subscribe({ onEvent: ({ event }) => void events.push(event) });
  const run = async (parameters: RunAgentParameters = {}): Promise<unknown[]> => {
    const { newMessages } = await agent.runAgent(parameters);
    return newMessages.flatMap(({ role, content }) => (role === 'assistant' ? [content] : []));
  };
  return {
    agent,
    events,
    say(content, more) {
      agent.addMessage({ id: crypto.randomUUID(), role: 'user', content });
      return run(more);
    },
    resume: (entries) => run({ resume: entries }),
  };
}

/** The answer of a page to the one question that it has. */
function resolved({ agent }: Page, payload?: unknown): Resume {
  const [question] = agent.pendingInterrupts;
  assert.ok(question);
  return buildResumeArray([question], { [question.id]: { status: 'resolved', payload } });
}

async function threadsOf({ app }: ServedApp): Promise<number> {
  return (await app.threads.list({ limit: 10 })).threads.length;
}

test('steps with a title are steps of the run, and nothing else of them is seen', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const page = pageOf(served);
  await page.say('refund');
  const steps = page.events.flatMap((event) => {
    const { type, stepName } = Object.assign({ stepName: '' }, event);
    return stepName === '' ? [] : [[type, stepName]];
  });
  assert.deepEqual(steps, [
    ['STEP_STARTED', 'Looking up the order'],
    ['STEP_FINISHED', 'Looking up the order'],
    ['STEP_STARTED', 'Trying the card'],
    ['STEP_FINISHED', 'Trying the card'],
  ]);
  assert.doesNotMatch(JSON.stringify(page.events), /secret/);
});

test('steps of one title at once have names of their own, and a stopped one is finished', async () => {
  const begun = Promise.withResolvers<void>();
  let running = 0;
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    const work = ({ signal }: { readonly signal: AbortSignal }): Promise<void> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        if (++running === 2) begun.resolve();
      });
    const options = { title: 'Waiting' };
    await Promise.all([ctx.step('one', work, options), ctx.step('two', work, options)]);
  };
  await using served = await serveApp({ pipeline });
  const page = pageOf(served);
  const over = page.say('go');
  await begun.promise;
  const { threads } = await served.app.threads.list({ contactId: 'c:1', limit: 1 });
  (await served.app.runs.active(threads[0]?.id ?? ''))?.cancel();
  await over;
  // The client refuses the end of a run whose steps are open, and a second step of one name.
  assert.deepEqual(
    page.events.slice(-3).map(({ type }) => type),
    [EventType.STEP_FINISHED, EventType.STEP_FINISHED, EventType.RUN_FINISHED],
  );
});

test('a question of yes or no is a tool call that waits for approval, and the resume of the next run answers', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const page = pageOf(served);
  assert.deepEqual(await page.say('refund'), ['Refund it?']);
  const [question, ...more] = page.agent.pendingInterrupts;
  assert.deepEqual(more, []);
  assert.ok(question);
  const { id, expiresAt, responseSchema, ...rest } = question;
  const tool = { reason: 'tool_call', toolCallId: id };
  assert.deepEqual(rest, { ...tool, message: 'Refund it?', metadata: { buttons: BUTTONS } });
  assert.deepEqual(responseSchema?.['required'], ['approved']);
  assert.equal((await served.app.questions.find(id))?.expiresAt, expiresAt);
  const message = page.agent.messages.at(-1);
  assert.ok(message?.role === 'assistant' && message.content === 'Refund it?');
  const [call] = message.toolCalls ?? [];
  assert.deepEqual(call, {
    id,
    type: 'function',
    function: { name: 'question', arguments: '{"question":"Refund it?"}' },
  });

  const answer = await page.resume(resolved(page, 'btn:yes'));
  assert.deepEqual(answer, ['comm.user_button_click yes: yes']);
  assert.deepEqual(page.agent.pendingInterrupts, []);
  const result = page.agent.messages.find(({ role }) => role === 'tool');
  assert.deepEqual(result, { id: `${id}:result`, role: 'tool', toolCallId: id, content: 'yes' });
  // The thread is not taken for another one, although the page has no message for the answer.
  assert.deepEqual(await page.say('refund again'), ['Refund it?']);
  assert.equal(await threadsOf(served), 1);
});

test('an approval is a click, in whatever form it comes, and a reason is kept with it', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const page = pageOf(served);
  for (const [payload, answer] of [
    [{ approved: true }, 'comm.user_button_click yes: yes'],
    [{ approved: false, reason: 'A gift' }, 'comm.user_button_click no: no'],
    [true, 'comm.user_button_click yes: yes'],
    ['{"approved":false}', 'comm.user_button_click no: no'],
    ['why not', 'comm.user_message none: why not'],
  ] as const) {
    await page.say('refund');
    assert.deepEqual(await page.resume(resolved(page, payload)), [answer]);
  }
  const { threads } = await served.app.threads.list({ contactId: 'c:1', limit: 9 });
  const { events } = await served.app.threads.events(threads[0]?.id ?? '', { limit: 100 });
  const reasons = events.flatMap(({ data }) => data['reason'] ?? []);
  assert.deepEqual([threads.length, reasons], [1, ['A gift']]);
});

test('a reason is no longer than a message may be, and JSON in a string no deeper than a body', async () => {
  await using served = await serveApp({ pipeline: askingPipeline }, { maxMessageBytes: 1000 });
  const page = pageOf(served);
  await page.say('refund');
  const question = resolved(page)[0] ?? assert.fail();
  const long = { approved: true, reason: 'x'.repeat(1001) };
  for (const payload of [long, JSON.stringify(long)]) {
    await assert.rejects(page.resume([{ ...question, payload }]), /larger than 1000 bytes/);
  }
  const deep = `{"approved":true,"more":${'['.repeat(100)}${']'.repeat(100)}}`;
  const words = await page.resume([{ ...question, payload: deep }]);
  assert.deepEqual(words, [`comm.user_message none: ${deep}`]);
});

test('the result of its tool call answers a question, for clients without interrupts', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const page = pageOf(served);
  await page.say('refund');
  const [question] = page.agent.pendingInterrupts;
  page.agent.pendingInterrupts = [];
  page.agent.addMessage({
    id: 't1',
    role: 'tool',
    toolCallId: question?.id ?? '',
    content: '{"approved":true}',
  });
  const { newMessages } = await page.agent.runAgent();
  assert.equal(newMessages.at(-1)?.content, 'comm.user_button_click yes: yes');
  page.agent.addMessage({ id: 't2', role: 'tool', toolCallId: 'never', content: 'x' });
  await assert.rejects(page.agent.runAgent(), { status: 404 });
});

test('a page that loads the thread has its open question, and can answer it', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  await pageOf(served).say('refund');
  const page = pageOf(served);
  await page.agent.runAgent();
  const [question] = page.agent.pendingInterrupts;
  const message = page.agent.messages.at(-1);
  assert.ok(message?.role === 'assistant' && question);
  assert.equal(message.toolCalls?.[0]?.id, question.id);
  assert.deepEqual(
    page.events.flatMap((event) => ('name' in event ? [event['name']] : [])),
    ['comm.assistant_message_with_buttons'],
  );
  const answer = await page.resume(resolved(page, { approved: true }));
  assert.deepEqual(answer, ['comm.user_button_click yes: yes']);
  const later = pageOf(served);
  await later.agent.runAgent();
  assert.deepEqual(later.agent.pendingInterrupts, []);
  assert.doesNotMatch(JSON.stringify(later.agent.messages), /toolCalls/);
});

test('what is answered by a message and a payload is the payload, and the page may list the message', async () => {
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    const schema = v.object({ size: v.picklist(['s', 'l']) });
    const answer = await ctx.ask('Which size?', { schema });
    assert.ok(answer.kind === 'message');
    ctx.sendMessage(`Size ${answer.value?.size} of ${ctx.history.length}`);
  };
  await using served = await serveApp({ pipeline });
  const page = pageOf(served);
  await page.say('pizza');
  const [question] = page.agent.pendingInterrupts;
  assert.equal(question?.reason, 'input_required');
  assert.deepEqual(question.responseSchema?.['required'], ['size']);
  const answer = await page.say('Large', { resume: resolved(page, { size: 'l' }) });
  assert.deepEqual(answer, ['Size l of 3']);
  await page.say('another pizza');
  const last = await page.say('"not JSON', { resume: resolved(page) });
  assert.deepEqual(last, ['Size undefined of 7']);
  assert.equal(await threadsOf(served), 1);
});

test('an answer to a question that is answered already is refused', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const [page, other] = [pageOf(served), pageOf(served)];
  await page.say('refund');
  const answer = resolved(page, 'no');
  other.agent.setMessages(page.agent.messages);
  await page.resume(answer);
  await assert.rejects(other.resume(answer), /409/);
  await assert.rejects(
    other.resume([{ interruptId: crypto.randomUUID(), status: 'resolved', payload: 'no' }]),
    /404/,
  );
});

test('a cancelled interrupt withdraws the question, with a new message or without', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const page = pageOf(served);
  const withdrawn = async (withMessage: boolean): Promise<unknown> => {
    await page.say('refund');
    const [question] = page.agent.pendingInterrupts;
    const interruptId = question?.id ?? '';
    const resume: Resume = [{ interruptId, status: 'cancelled' }];
    const texts = withMessage ? await page.say('hello', { resume }) : await page.resume(resume);
    const { state, reason } = (await served.app.questions.find(interruptId)) ?? {};
    return { texts, state, reason };
  };
  const without = await withdrawn(false);
  assert.deepEqual(without, { texts: [], state: 'withdrawn', reason: 'cancelled' });
  assert.deepEqual(page.agent.pendingInterrupts, []);
  const texts = ['Refund it?'];
  assert.deepEqual(await withdrawn(true), { texts, state: 'withdrawn', reason: 'declined' });
});

test('a client that answers by messages alone gets no interrupts', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const page = pageOf(served);
  const forwardedProps = { interrupts: false };
  await page.say('refund', { forwardedProps });
  assert.deepEqual(page.agent.pendingInterrupts, []);
  const answer = await page.say('btn:no', { forwardedProps });
  assert.deepEqual(answer, ['comm.user_button_click no: no']);
});

test('a request that is repeated after its question was answered does not ask it again', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const page = pageOf(served);
  const first = {
    threadId: 'th-1',
    runId: 'r-1',
    messages: [{ id: 'u1', role: 'user', content: 'refund' }],
  };
  const headers = {
    'content-type': 'application/json',
    'x-jims-contact-id': 'c:1',
    'idempotency-key': 'k1',
  };
  const body = JSON.stringify(first);
  const send = async (): Promise<string> =>
    (await fetch(`${served.origin}/ag-ui`, { method: 'POST', headers, body })).text();
  assert.match(await send(), /"type":"interrupt"/);
  assert.match(await send(), /"type":"interrupt"/);
  const { questions } = await served.app.questions.list({ state: 'open', limit: 10 });
  const interruptId = questions[0]?.questionId ?? '';
  await page.resume([{ interruptId, status: 'resolved', payload: 'no' }]);
  const later = await send();
  assert.match(later, /Refund it\?/);
  assert.doesNotMatch(later, /"type":"interrupt"/);
});
