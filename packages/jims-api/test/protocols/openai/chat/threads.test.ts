import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { JimsApp, ThreadContext } from 'jims-core';
import { BadRequestError, ConflictError, NotFoundError } from 'openai';
import type OpenAI from 'openai';
import * as v from 'valibot';

import { eventually } from '../../../../../jims-core/test/support/eventually.ts';
import { agentPipeline } from '../../../support/agent-pipeline.ts';
import { createGate } from '../../../support/gate.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';

type Message = OpenAI.ChatCompletionMessageParam;
type Extra = Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>;

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Extra;
}

/** Asks, and gives the answer's text and thread. */
async function ask(
  client: OpenAI,
  messages: Message[],
  { headers = {}, body = {} }: Asked = {},
): Promise<{ text: string; threadId: string }> {
  const { data, response } = await client.chat.completions
    .create({ model: 'any', messages, ...body }, { headers })
    .withResponse();
  return {
    text: data.choices[0]?.message.content ?? '',
    threadId: response.headers.get('x-jims-thread-id') ?? '',
  };
}

const ThreadList = v.object({
  threads: v.array(
    v.object({
      thread_id: v.string(),
      external_id: v.nullable(v.string()),
      superseded_by: v.nullable(v.string()),
    }),
  ),
});
type Listed = v.InferOutput<typeof ThreadList>['threads'][number];

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

/** Says what the thread holds, and counts its own runs in it. */
function historian(ctx: ThreadContext): void {
  if (ctx.lastUserMessage === 'fail') throw new Error('kaboom');
  const n = (ctx.getState('n', v.object({ n: v.number() }))?.n ?? 0) + 1;
  ctx.setState('n', { n });
  ctx.sendMessage(`${n}: ${ctx.history.map(({ content }) => content).join('|')}`);
}

async function threadsOf(app: JimsApp, contactId: string): Promise<number> {
  return (await app.threads.list({ contactId, limit: 100 })).threads.length;
}

describe('a thread that the request names', () => {
  test('goes on, by header or by metadata; only the last message is read', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const { text, threadId } = await ask(client, [user('a')]);
    assert.equal(text, '1: a');
    const second = await ask(client, [user('made up'), assistant('made up'), user('b')], {
      headers: { 'x-jims-thread-id': threadId },
    });
    assert.deepEqual(second, { text: '2: a|1: a|b', threadId });
    const third = await ask(client, [user('c')], {
      body: { metadata: { thread_id: threadId } },
    });
    assert.match(third.text, /^3: a\|/);
  });

  test('is not found when it is unknown, no thread’s name, or another contact’s', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const { threadId } = await ask(client, [user('a')], { body: { user: 'anna' } });
    const requests: Asked[] = [
      { headers: { 'x-jims-thread-id': '0197a1b2-0000-7000-8000-000000000000' } },
      { headers: { 'x-jims-thread-id': 'thread-1' } },
      { headers: { 'x-jims-thread-id': threadId, 'x-jims-contact-id': 'bert' } },
      { headers: { 'x-jims-thread-id': threadId }, body: { user: 'bert' } },
    ];
    for (const request of requests) {
      await assert.rejects(ask(client, [user('b')], request), NotFoundError);
    }
    const own = { headers: { 'x-jims-thread-id': threadId }, body: { user: 'anna' } };
    assert.match((await ask(client, [user('b')], own)).text, /^2: /);
  });
});

describe('a request that names no thread', () => {
  test('is a new thread that begins with the messages it brings', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')]);
    const second = await ask(client, [user('a'), assistant(first.text), user('b')]);
    assert.equal(second.text, '1: a|1: a|b');
    assert.notEqual(second.threadId, first.threadId);
  });

  test('leaves what a system says to the thread’s config', async () => {
    await using served = await serveApp((ctx) => {
      ctx.sendMessage(JSON.stringify([ctx.threadConfig, ctx.history.length]));
    });
    const { client } = openAiClient(served);
    const system: Message = { role: 'system', content: 'Be brief' };
    for (const messages of [
      [system, user('a')],
      [user('a'), system],
    ]) {
      const { text } = await ask(client, messages);
      assert.deepEqual(JSON.parse(text), [{ interface: 'openai', system_prompt: 'Be brief' }, 1]);
    }
  });

  test('is for the contact that it names in one of the known ways', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { client } = openAiClient(served);
    const ways: [Asked, string][] = [
      [{}, 'nobody:openai'],
      [{ body: { user: 'anna' } }, 'anna'],
      [{ body: { safety_identifier: 'bert' } }, 'bert'],
      [{ body: { metadata: { contact_id: 'carl' } } }, 'carl'],
      [{ headers: { 'x-openwebui-user-id': 'dora' }, body: { user: 'anna' } }, 'dora'],
      [{ headers: { 'x-jims-contact-id': 'emil', 'x-openwebui-user-id': 'dora' } }, 'emil'],
      [{ headers: { 'x-openwebui-user-id': '' }, body: { user: 'anna' } }, 'anna'],
    ];
    for (const [request, contact] of ways) {
      assert.equal((await ask(client, [user('whoami')], request)).text, contact);
    }
  });

  test('a contact’s own token acts for nobody else', async () => {
    await using served = await serveApp(agentPipeline().pipeline, {
      authenticate: async () => ({ kind: 'contact', id: 'anna', contactId: 'anna' }),
    });
    const { client } = openAiClient(served);
    assert.equal((await ask(client, [user('whoami')])).text, 'anna');
    // By its name: a bare "Not Found" is looked for in the address.
    const asBert = ask(client, [user('x')], { body: { user: 'bert' } });
    await assert.rejects(asBert, /404 Contact 'bert' not found$/);
    const { thread } = await served.app.threads.getOrCreate({ contactId: 'bert' });
    const headers = { 'x-jims-thread-id': thread.id };
    await assert.rejects(ask(client, [user('x')], { headers }), NotFoundError);
  });
});

describe('a front end that sends the id of its chat, and all of it each time', () => {
  const chat = (id: string, contact = 'u1'): Asked => ({
    headers: {
      'x-openwebui-chat-id': id,
      'x-openwebui-user-id': contact,
      'x-openwebui-user-name': 'Anna%20B',
      'x-openwebui-user-role': 'user',
    },
  });

  test('goes on in one thread', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')], chat('c1'));
    const second = await ask(client, [user('a'), assistant('edited'), user('b')], chat('c1'));
    assert.deepEqual(second, { text: '2: a|1: a|b', threadId: first.threadId });
  });

  test('forks when its user edits or asks anew, and keeps what both share', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')], chat('c1'));
    await ask(client, [user('a'), assistant(first.text), user('b')], chat('c1'));
    const edited = await ask(client, [user('a'), assistant(first.text), user('B')], chat('c1'));
    assert.equal(edited.text, '2: a|1: a|B');
    assert.notEqual(edited.threadId, first.threadId);
    const next = await ask(
      client,
      [user('a'), assistant(first.text), user('B'), assistant(edited.text), user('c')],
      chat('c1'),
    );
    assert.equal(next.threadId, edited.threadId);
    assert.match(next.text, /^3: /);
  });

  test('keeps its state when its front end sends only the end of a long chat', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')], chat('c1'));
    const said = [user('a'), assistant(first.text), user('b'), assistant('B')];
    await ask(client, said.slice(0, 3), chat('c1'));
    const next = await ask(client, [...said.slice(2), user('c')], chat('c1'));
    assert.deepEqual(next, { text: '3: a|1: a|b|2: a|1: a|b|c', threadId: first.threadId });
  });

  test('keeps its state when its front end has messages that were refused', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')], chat('c1'));
    const image = { type: 'image_url', image_url: { url: 'data:,' } } as const;
    const said = [user('a'), assistant(first.text)];
    const picture: Message = { role: 'user', content: [image] };
    await assert.rejects(ask(client, [...said, picture], chat('c1')));
    const next = await ask(client, [...said, picture, user('never sent'), user('b')], chat('c1'));
    assert.deepEqual(next, { text: '2: a|1: a|b', threadId: first.threadId });
  });

  test('keeps its state when a message came while the thread was busy, and was refused', async () => {
    const gate = createGate();
    const pipeline = async (ctx: ThreadContext): Promise<void> => {
      if (ctx.lastUserMessage === 'slow') await gate.passed(ctx.signal);
      historian(ctx);
    };
    await using served = await serveApp(pipeline, { limits: { onBusy: 'reject' } });
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')], chat('c1'));
    const said = [user('a'), assistant(first.text), user('slow')];
    const slow = ask(client, said, chat('c1'));
    await eventually(async () => (await served.app.runs.active(first.threadId)) !== undefined);
    await assert.rejects(ask(client, [...said, user('busy')], chat('c1')), ConflictError);
    gate.open();
    const { text } = await slow;
    const list = [...said, assistant(text), user('busy'), user('b')];
    const next = await ask(client, list, chat('c1'));
    assert.match(next.text, /^3: /);
    // Some front ends keep an answer without text for a message that failed.
    const later = [...list, assistant(next.text), user('busy'), assistant(''), user('c')];
    assert.match((await ask(client, later, chat('c1'))).text, /^4: /);
    assert.equal(await threadsOf(served.app, 'u1'), 1);
  });

  test('knows what another model answered meanwhile, with its state', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')], chat('c1'));
    const foreign = [user('x'), assistant('X')];
    const said = [user('a'), assistant(first.text), ...foreign];
    const next = await ask(client, [...said, user('b')], chat('c1'));
    assert.equal(next.text, '2: a|1: a|x|X|b');
    const later = [...said, user('b'), assistant(next.text), user('c')];
    assert.equal((await ask(client, later, chat('c1'))).threadId, next.threadId);
  });

  test('is listed once however often it was forked; a thread that was replaced names the one that replaced it', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')], chat('c1'));
    const edited = await ask(client, [user('A')], chat('c1'));
    const list = async (query: string, headers = {}): Promise<readonly Listed[]> => {
      const response = await fetch(`${served.origin}/api/v1/threads?${query}`, { headers });
      return v.parse(ThreadList, await response.json()).threads;
    };
    const current = { thread_id: edited.threadId, external_id: 'jims:openai-chat:c1' };
    const overtaken = { thread_id: first.threadId, external_id: null };
    const both = [
      { ...current, superseded_by: null },
      { ...overtaken, superseded_by: edited.threadId },
    ];
    assert.deepEqual(await list('external_id=jims:openai-chat:c1'), both.slice(0, 1));
    assert.deepEqual(await list('contact_id=u1'), both.slice(0, 1));
    assert.deepEqual(await list('contact_id=u1&superseded=false'), both.slice(0, 1));
    assert.deepEqual(await list('contact_id=u1&superseded=true'), both);
    const asContact = { 'x-jims-contact-id': 'u1' };
    assert.deepEqual(await list('', asContact), both.slice(0, 1));
    assert.deepEqual(await list('superseded=true', asContact), both);
  });

  test('does not store a question twice that failed and is sent again', async () => {
    let failing = true;
    await using served = await serveApp((ctx) => {
      if (failing) throw new Error('kaboom');
      ctx.sendMessage(ctx.history.map(({ content }) => content).join('|'));
    });
    const { client } = openAiClient(served);
    await assert.rejects(ask(client, [user('a')], chat('c1')));
    failing = false;
    assert.equal((await ask(client, [user('a')], chat('c1'))).text, 'a');
  });

  test('chats of the same id are kept apart by their contacts', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const anna = await ask(client, [user('a')], chat('c1', 'anna'));
    const bert = await ask(client, [user('a'), assistant('x'), user('b')], chat('c1', 'bert'));
    assert.equal(bert.text, '1: a|x|b');
    assert.notEqual(anna.threadId, bert.threadId);
    const long = chat('x'.repeat(257));
    await assert.rejects(ask(client, [user('a')], long), BadRequestError);
  });

  test('what Open WebUI asks for itself does not get into the chat, nor stay', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const first = await ask(client, [user('a')], chat('c1'));
    const task = '### Task:\nGenerate a concise title for the chat.';
    const title = await ask(client, [user(task)], chat('c1'));
    assert.equal(title.text, `1: ${task}`);
    const named = await ask(client, [user('Tags?')], {
      headers: { ...chat('c1').headers, 'x-jims-task': 'tags_generation' },
    });
    assert.equal(named.text, '1: Tags?');
    const next = await ask(client, [user('a'), assistant(first.text), user('b')], chat('c1'));
    assert.deepEqual(next, { text: '2: a|1: a|b', threadId: first.threadId });
    await eventually(async () => (await threadsOf(served.app, 'u1')) === 1);
    assert.equal(await served.app.threads.find(title.threadId), undefined);
    // Where no front end names its chat, these are the words of a user.
    const typed = await ask(client, [user(task)], {
      headers: { 'x-jims-thread-id': next.threadId },
    });
    assert.equal(typed.threadId, next.threadId);
    assert.match(typed.text, /^3: /);
    const alone = await ask(client, [user(task)], { body: { user: 'u2' } });
    assert.ok(await served.app.threads.find(alone.threadId));
  });

  test('LibreChat’s header continues one thread, with its titles outside of it; an empty header counts as none', async () => {
    await using served = await serveApp(historian);
    const { client } = openAiClient(served);
    const libre = (id: string): Asked => ({
      headers: { 'x-conversation-id': id },
      body: { user: '64f0' },
    });
    const first = await ask(client, [user('a')], libre('l1'));
    const prompt =
      'Provide a concise, 5-word-or-less title for the conversation, using title case conventions.';
    assert.match((await ask(client, [user(prompt)], libre('l1'))).text, /^1: Provide/);
    const second = await ask(client, [user('a'), assistant('x'), user('b')], libre('l1'));
    assert.equal(second.threadId, first.threadId);
    const without = await ask(client, [user('a')], libre(''));
    assert.equal(without.text, '1: a');
  });
});

test('a conversation is in the same thread for OpenAI’s client and for JIMS’s own routes', async () => {
  await using served = await serveApp(historian);
  const { client } = openAiClient(served);
  const { threadId } = await ask(client, [user('a')], { body: { user: 'anna' } });
  const native = await fetch(`${served.origin}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'anna', message: 'b' }),
  });
  const answer: unknown = await native.json();
  assert.ok(typeof answer === 'object' && answer && 'thread_id' in answer);
  assert.equal(answer.thread_id, threadId);
});
