// A picture from the client of each protocol reaches the model.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, mock, test } from 'node:test';

import type { Message } from '@a2a-js/sdk';
import { HttpAgent } from '@ag-ui/client';
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import type { UIMessage } from 'ai';
import type { ThreadContext } from 'jims-core';

import { fakeModels } from '../../../jims-core/test/support/fake-models.ts';
import type { FakeModels } from '../../../jims-core/test/support/fake-models.ts';
import { BINDINGS, a2aClient, send } from '../protocols/a2a/a2a-client.ts';
import { chat as mcpChat, mcpClient } from '../protocols/mcp/mcp-client.ts';
import { serveApp as serve } from '../support/listening-app.ts';
import type { ServedApp, ServedAppOptions } from '../support/listening-app.ts';
import { openAiClient } from '../support/openai-client.ts';

// The client of AG-UI prints each refusal.
mock.method(console, 'error', () => {});

/** One red pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==';
const DATA_URL = `data:image/png;base64,${PNG}`;
const PICTURE = { type: 'image_url', image_url: { url: DATA_URL } };
const CONTACT = 'c:1';

async function answer(ctx: ThreadContext): Promise<void> {
  await ctx.sendMessage(ctx.llm.stream(ctx.history));
}

describe('files that clients send', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  function serveApp(options: ServedAppOptions = {}): Promise<ServedApp> {
    return serve({ pipeline: answer, llm: models.provider({ model: 'gpt-4.1-mini' }) }, options);
  }

  /** What the newest message of the last request to the model is. */
  function seenByModel(): unknown {
    return models.fake.requests.at(-1)?.body.messages.at(-1).content;
  }

  /** The files of the messages that are stored, by message. */
  async function storedFiles({ app }: ServedApp, contactId = CONTACT): Promise<unknown[][]> {
    const { threads } = await app.threads.list({ contactId, limit: 10 });
    const files = threads.map(async ({ id }) => {
      const { events } = await app.threads.events(id, { limit: 100 });
      return events.flatMap(({ data }) => (Array.isArray(data['files']) ? [data['files']] : []));
    });
    return (await Promise.all(files)).flat();
  }

  async function count({ app }: ServedApp): Promise<number> {
    return (await app.files.list({ contactId: CONTACT, limit: 100 })).files.length;
  }

  async function upload({ origin }: ServedApp, contactId = CONTACT): Promise<string> {
    const response = await fetch(
      `${origin}/api/v1/files?name=red.png&contact_id=${encodeURIComponent(contactId)}`,
      {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: Buffer.from(PNG, 'base64'),
      },
    );
    const body: unknown = await response.json();
    assert.ok(typeof body === 'object' && body !== null && 'file_id' in body);
    return String(body.file_id);
  }

  function aiSdkChat({ origin }: ServedApp, id = 'chat'): Chat<UIMessage> {
    const transport = new DefaultChatTransport({
      api: `${origin}/api/chat`,
      body: { contact_id: CONTACT },
    });
    return new Chat({ id, transport });
  }

  const file = {
    type: 'file',
    mediaType: 'image/png',
    filename: 'red.png',
    url: DATA_URL,
  } as const;

  test('AI SDK: a picture, which is stored once and shown again', async () => {
    await using served = await serveApp();
    const chat = aiSdkChat(served);
    await chat.sendMessage({ text: 'Look', files: [file] });
    assert.deepEqual(seenByModel(), [{ type: 'text', text: 'Look' }, PICTURE]);
    await chat.sendMessage({ text: 'And?' });
    assert.equal(chat.status, 'ready');
    // The second request has the picture in its history.
    assert.deepEqual(models.fake.requests.at(-1)?.body.messages[0].content[1], PICTURE);
    assert.equal(await count(served), 1);
    const [[stored] = []] = await storedFiles(served);
    assert.ok(typeof stored === 'object' && stored !== null && 'file_id' in stored);
    const { file_id: id } = stored;
    assert.deepEqual(stored, { file_id: id, name: 'red.png', media_type: 'image/png', size: 70 });
    const restored = await fetch(`${served.origin}/api/chat/chat?contact_id=${CONTACT}`);
    const { messages } = (await restored.json()) as { messages: UIMessage[] };
    const url = `/api/v1/files/${String(id)}`;
    assert.deepEqual(messages[0]?.parts, [
      { type: 'text', text: 'Look', state: 'done' },
      { ...file, url },
    ]);
    // The address means that file, whatever the host.
    const again = aiSdkChat(served, 'other');
    await again.sendMessage({ files: [{ ...file, url: served.origin + url }] });
    assert.deepEqual(seenByModel(), [PICTURE]);
    assert.equal(await count(served), 1);
  });

  test('AI SDK: another answer to the same message uses the same file; an edited one another', async () => {
    await using served = await serveApp();
    const chat = aiSdkChat(served);
    await chat.sendMessage({ text: 'Look', files: [file] });
    await chat.regenerate();
    assert.equal(chat.status, 'ready');
    assert.deepEqual(seenByModel(), [{ type: 'text', text: 'Look' }, PICTURE]);
    assert.equal(await count(served), 1);
    const [first] = chat.messages;
    assert.ok(first);
    const text = 'data:text/plain;base64,SGVsbG8=';
    const other = { type: 'file', mediaType: 'text/plain', filename: 'a.txt', url: text } as const;
    await chat.sendMessage({ text: 'Look', files: [other], messageId: first.id });
    assert.equal(chat.status, 'ready');
    assert.equal(seenByModel(), 'Look\n\n[File "a.txt", text/plain]\nHello');
    assert.equal(await count(served), 2);
  });

  test('OpenAI: image_url, file and input_audio of Chat Completions, without a thread', async () => {
    await using served = await serveApp();
    const { client } = openAiClient(served);
    const pdf = `data:application/pdf;base64,${Buffer.from('%PDF-1.7\n%%EOF').toString('base64')}`;
    const content = [
      { type: 'text' as const, text: 'Look' },
      { type: 'image_url' as const, image_url: { url: DATA_URL } },
      { type: 'file' as const, file: { filename: 'a.pdf', file_data: pdf } },
    ];
    const first = { role: 'user' as const, content };
    const { choices } = await client.chat.completions.create({
      model: 'm',
      user: CONTACT,
      messages: [first],
    });
    const sent = [
      { type: 'text', text: 'Look' },
      PICTURE,
      { type: 'file', file: { filename: 'a.pdf', file_data: pdf } },
    ];
    assert.deepEqual(seenByModel(), sent);
    // A client without a thread sends all again: the model sees the picture again.
    const said = { role: 'assistant' as const, content: choices[0]?.message.content ?? '' };
    const more = { role: 'user' as const, content: 'And?' };
    await client.chat.completions.create({
      model: 'm',
      user: CONTACT,
      messages: [first, said, more],
    });
    assert.deepEqual(models.fake.requests.at(-1)?.body.messages[0].content, sent);
    // What was refused stays in the list of the client, and does not stop the chat.
    const wrong = { url: `data:image/jpeg;base64,${PNG}` };
    const refused = {
      role: 'user' as const,
      content: [
        { type: 'text' as const, text: 'Wrong' },
        { type: 'image_url' as const, image_url: wrong },
        { type: 'image_url' as const, image_url: { url: 'https://a.example/b.png' } },
      ],
    };
    await client.chat.completions.create({
      model: 'm',
      user: CONTACT,
      messages: [refused, said, more],
    });
    assert.equal(models.fake.requests.at(-1)?.body.messages[0].content, 'Wrong');
    const wav = Buffer.from(
      'RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0',
      'latin1',
    );
    const audio = {
      type: 'input_audio' as const,
      input_audio: { data: wav.toString('base64'), format: 'wav' as const },
    };
    // The model does not listen: it is refused by the pipeline's call, and stored.
    await assert.rejects(
      client.chat.completions.create({
        model: 'm',
        user: 'c:2',
        messages: [{ role: 'user', content: [audio] }],
      }),
      { status: 500 },
    );
    const [[stored]] = (await storedFiles(served, 'c:2')) as [
      [{ name: string; media_type: string }],
    ];
    assert.deepEqual([stored.name, stored.media_type], ['audio.wav', 'audio/wav']);
  });

  test('OpenAI: input_image and input_file of Responses, listed as they came', async () => {
    await using served = await serveApp();
    const { client } = openAiClient(served);
    const file_id = await upload(served);
    const response = await client.responses.create({
      model: 'm',
      user: CONTACT,
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'Look' },
            { type: 'input_image', image_url: DATA_URL, detail: 'auto' },
            { type: 'input_file', filename: 'a.txt', file_data: 'data:text/plain;base64,SGVsbG8=' },
            { type: 'input_image', file_id, detail: 'auto' },
          ],
        },
      ],
    });
    assert.deepEqual(seenByModel(), [
      { type: 'text', text: 'Look\n\n[File "a.txt", text/plain]\nHello' },
      PICTURE,
      PICTURE,
    ]);
    const { data } = await client.responses.inputItems.list(response.id);
    assert.ok(data[0]?.type === 'message');
    const kinds = data[0].content.map((part) => [
      part.type,
      'file_id' in part && part.file_id === file_id,
    ]);
    assert.deepEqual(kinds, [
      ['input_text', false],
      ['input_image', false],
      ['input_file', false],
      ['input_image', true],
    ]);
    assert.equal(await count(served), 3);
  });

  test('AG-UI: parts of 1.0, and binary parts of clients before it', async () => {
    await using served = await serveApp();
    const agent = new HttpAgent({ url: `${served.origin}/ag-ui`, threadId: 't' });
    const source = { type: 'data', value: PNG, mimeType: 'image/png' } as const;
    agent.addMessage({
      id: crypto.randomUUID(),
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'image', source },
      ],
    });
    await agent.runAgent({ forwardedProps: { contact_id: CONTACT } });
    assert.deepEqual(seenByModel(), [{ type: 'text', text: 'Look' }, PICTURE]);
    const binary = { type: 'binary', mimeType: 'image/png', data: PNG, filename: 'old.png' };
    const input = { threadId: 'old', runId: 'r', messages: [{ role: 'user', content: [binary] }] };
    const response = await fetch(`${served.origin}/ag-ui`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...input, forwardedProps: { contact_id: CONTACT } }),
    });
    assert.equal(response.status, 200);
    await response.text();
    assert.deepEqual(seenByModel(), [PICTURE]);
  });

  for (const binding of BINDINGS) {
    test(`A2A, ${binding}: a part with bytes, and one with our address`, async () => {
      await using served = await serveApp();
      const client = await a2aClient(served.origin, { binding });
      const part = { metadata: undefined, filename: 'red.png', mediaType: 'image/png' };
      const parts: Message['parts'] = [
        { ...part, filename: '', mediaType: '', content: { $case: 'text', value: 'Look' } },
        { ...part, content: { $case: 'raw', value: Buffer.from(PNG, 'base64') } },
      ];
      const task = await send(client, '', { contactId: CONTACT, parts });
      assert.deepEqual(seenByModel(), [{ type: 'text', text: 'Look' }, PICTURE]);
      const [, shown] = task.history[0]?.parts ?? [];
      assert.ok(shown?.content?.$case === 'url');
      await send(client, '', { contactId: CONTACT, parts: [{ ...part, content: shown.content }] });
      assert.deepEqual(seenByModel(), [PICTURE]);
      assert.equal(await count(served), 1);
    });
  }

  test('MCP: content blocks in the arguments of the tool', async () => {
    await using served = await serveApp();
    await using client = await mcpClient(served.origin);
    const resource = { uri: 'file:///notes/a.md', mimeType: 'text/markdown', text: '# Hi' };
    const files = [
      { type: 'image', data: PNG, mimeType: 'image/png' },
      { type: 'resource', resource },
    ];
    const { isError } = await mcpChat(client, 'Look', { contact_id: CONTACT, files });
    assert.equal(isError, false);
    assert.deepEqual(seenByModel(), [
      { type: 'text', text: 'Look\n\n[File "a.md", text/markdown]\n# Hi' },
      PICTURE,
    ]);
  });

  /** As Deep Chat makes it: the files, the members of additionalBodyProps, then messages that have text. */
  function form(text?: string): FormData {
    const data = new FormData();
    data.append(
      'files',
      new Blob([Buffer.from(PNG, 'base64')], { type: 'image/png' }),
      'rot ä.png',
    );
    data.append('contact_id', CONTACT);
    if (text !== undefined) data.append('message1', JSON.stringify({ role: 'user', text }));
    return data;
  }

  test('Deep Chat: a form with files, with text and without', async () => {
    await using served = await serveApp();
    const url = `${served.origin}/deep-chat`;
    const response = await fetch(url, { method: 'POST', body: form('Look') });
    assert.deepEqual([response.status, await response.json()], [200, { text: 'echo: Look' }]);
    assert.deepEqual(seenByModel(), [{ type: 'text', text: 'Look' }, PICTURE]);
    const headers = { 'idempotency-key': 'k' };
    const stream = await fetch(`${url}/stream`, { method: 'POST', body: form(), headers });
    await stream.text();
    assert.deepEqual(seenByModel(), [PICTURE]);
    const [, [{ name }]] = (await storedFiles(served)) as [unknown, [{ name: string }]];
    assert.equal(name, 'rot ä.png');
    const stored = await count(served);
    const repeated = await fetch(`${url}/stream`, { method: 'POST', body: form(), headers });
    assert.equal(repeated.headers.get('idempotency-replayed'), 'true');
    await repeated.text();
    assert.equal(await count(served), stored);
  });

  test('Deep Chat: files of a contact that is known before are stored while they arrive', async () => {
    await using served = await serveApp();
    const post = (data: FormData, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${served.origin}/deep-chat`, {
        method: 'POST',
        body: data,
        headers: { 'x-jims-contact-id': CONTACT, ...headers },
      });
    const large = form('Look');
    large.append('files', new Blob(['x'.repeat(6 * 1024 * 1024)], { type: 'text/plain' }), 'a.txt');
    assert.equal((await post(large)).status, 200);
    assert.equal(await count(served), 2);
    const without = await fetch(`${served.origin}/deep-chat`, { method: 'POST', body: large });
    assert.equal(without.status, 413);
    assert.match(await without.text(), /x-jims-contact-id/);

    // Refused before and after its files were read: they go.
    const lost = { 'x-jims-thread-id': crypto.randomUUID() };
    assert.equal((await post(form('Look'), lost)).status, 404);
    const compressed = await post(form('Look'), { 'content-encoding': 'gzip' });
    assert.equal(compressed.status, 415);
    assert.match(await compressed.text(), /without content-encoding/);
    const invalid = form();
    invalid.append('message1', '{');
    assert.equal((await post(invalid)).status, 422);
    const wrong = form('Look');
    wrong.append('files', new Blob(['GIF89a'], { type: 'image/png' }), 'b.png');
    assert.equal((await post(wrong)).status, 415);
    const many = form('Look');
    for (let each = 0; each < 20; each++) many.append('files', new Blob(['x']), 'x.txt');
    assert.equal((await post(many)).status, 413);
    const whole = Buffer.from(await new Response(form('Look')).arrayBuffer()).toString('latin1');
    const [boundary = ''] = whole.split('\r\n', 1);
    const cut = await fetch(`${served.origin}/deep-chat`, {
      method: 'POST',
      headers: {
        'x-jims-contact-id': CONTACT,
        'content-type': `multipart/form-data; boundary=${boundary.slice(2)}`,
      },
      body: Buffer.from(whole.slice(0, -30), 'latin1'),
    });
    assert.equal(cut.status, 400);
    assert.equal(await count(served), 2);
  });

  async function refusal(
    { origin }: ServedApp,
    url: string,
    options: { readonly mediaType?: string; readonly onBusy?: string } = {},
  ): Promise<readonly [number, string]> {
    const { mediaType = 'image/png' } = options;
    const parts = [
      { type: 'file', mediaType: 'image/png', url: DATA_URL },
      { type: 'file', mediaType, url },
    ];
    const response = await fetch(`${origin}/api/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'x', contact_id: CONTACT, messages: [{ role: 'user', parts }] }),
    });
    return [response.status, await response.text()];
  }

  test('what is wrong with a file is one clear error, and nothing is stored', async () => {
    await using served = await serveApp();
    const foreign = await upload(served, 'somebody else');
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ['https://a.example/b.png', 422, /other addresses are not fetched: send the file as data:/],
      ['http://169.254.169.254/api/v2/files/1', 422, /not fetched/],
      ['data:image/png;base64,@@@@', 422, /not valid base64/],
      ['data:image/png;base64,iVBORw0KG', 422, /not valid base64/],
      ['data:image/png,abc', 422, /must be data:<type>;base64/],
      ['data:image/jpeg;base64,iVBORw0KGgo=', 415, /is not image\/jpeg/],
      [`/api/v1/files/${foreign}`, 404, /A file of the message is unknown/],
      [`/api/v1/files/${crypto.randomUUID()}`, 404, /A file of the message is unknown/],
      [
        `data:text/plain;base64,${'A'.repeat(5 * 1024 * 1024)}`,
        413,
        /send them to \/api\/v1\/files/,
      ],
    ];
    for (const [url, status, words] of cases) {
      const [answered, text] = await refusal(served, url);
      assert.deepEqual(
        [answered, words.test(text)],
        [status, true],
        `${url.slice(0, 80)}: ${text}`,
      );
    }
    assert.equal(await count(served), 0);
    assert.deepEqual(await storedFiles(served), []);
    assert.equal(models.fake.requests.length, 0);
  });
});
