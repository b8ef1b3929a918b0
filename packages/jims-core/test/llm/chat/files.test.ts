import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { JimsError } from 'jims-core';
import type { MessageFile } from 'jims-core';
import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessage, Llm, LlmSettings } from 'jims-core/llm';

import { OPENAI_LIKE, json, said, wireServer } from '../../support/wire-server.ts';
import type { WireServer } from '../../support/wire-server.ts';

const PNG = Buffer.from('iVBORw0KGgo=', 'base64');
const KIB = 1024;

/** Files with bytes that are loaded as a run loads them. */
class Files {
  readonly loaded: string[] = [];
  readonly #bytes = new Map<string, Uint8Array>();

  add(name: string, media_type: string, bytes: Uint8Array | string): MessageFile {
    const content = Buffer.from(bytes);
    const file_id = `id of ${name}`;
    this.#bytes.set(file_id, content);
    return { file_id, name, media_type, size: content.byteLength };
  }

  readonly load = async (fileId: string): Promise<Uint8Array> => {
    this.loaded.push(fileId);
    const bytes = this.#bytes.get(fileId);
    if (bytes) return bytes;
    throw new JimsError('file_gone', 'The file is gone');
  };
}

const ANTHROPIC = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'ok' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
};
const GEMINI = {
  candidates: [{ content: { role: 'model', parts: [{ text: 'ok' }] }, finishReason: 'STOP' }],
  usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
};

function by(...files: readonly MessageFile[]): ChatMessage {
  return { role: 'user', content: 'Look', files };
}

describe('files of messages', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  function llmOf(
    files: Files | undefined,
    model = 'gpt-4.1-mini',
    settings: LlmSettings = {},
  ): Llm {
    const [provider = ''] = model.split('/');
    const env = (OPENAI_LIKE[provider] ?? OPENAI_LIKE['openai'])?.(server.url);
    const others = {
      ANTHROPIC_API_BASE: server.url,
      ANTHROPIC_API_KEY: 'k',
      GEMINI_API_BASE: server.url,
      GEMINI_API_KEY: 'k',
    };
    const llm = createLlmProvider({ model, ...settings }, { ...env, ...others });
    return llm.forRun(files ? { loadFile: files.load } : {});
  }

  test('OpenAI: a picture, a document and speech, after the text', async () => {
    const files = new Files();
    const picture = files.add('a.png', 'image/png', PNG);
    const pdf = files.add('b.pdf', 'application/pdf', '%PDF-');
    const speech = files.add('c.wav', 'audio/wav', 'RIFF');
    server.answer(json(said('ok')));
    await llmOf(files, 'gpt-4o-audio-preview').chatCompletionPlain([by(picture, pdf, speech)]);
    assert.deepEqual(server.requests[0]?.body.messages, [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          {
            type: 'image_url',
            image_url: { url: `data:image/png;base64,${PNG.toString('base64')}` },
          },
          {
            type: 'file',
            file: { filename: 'b.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' },
          },
          { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
        ],
      },
    ]);
  });

  test('Anthropic and Gemini: a picture and a document in their own forms', async () => {
    const files = new Files();
    const picture = files.add('a.png', 'image/png', PNG);
    const pdf = files.add('b.pdf', 'application/pdf', '%PDF-');
    server.answer(json(ANTHROPIC));
    await llmOf(files, 'anthropic/claude-sonnet-5').chatCompletionPlain([by(picture, pdf)]);
    const data = PNG.toString('base64');
    assert.deepEqual(server.requests[0]?.body.messages[0].content, [
      { type: 'text', text: 'Look' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
        title: 'b.pdf',
      },
    ]);
    server.answer(json(GEMINI));
    await llmOf(files, 'gemini/gemini-2.5-flash').chatCompletionPlain([by(picture, pdf)]);
    assert.deepEqual(server.requests[0]?.body.contents[0].parts, [
      { text: 'Look' },
      { inlineData: { mimeType: 'image/png', data } },
      { inlineData: { mimeType: 'application/pdf', data: 'JVBERi0=' } },
    ]);
  });

  test('text comes as text with its name, for every model; of a long one the beginning', async () => {
    const files = new Files();
    const table = files.add('a.csv', 'text/csv', 'x,y\n1,2');
    const long = files.add('b.json', 'application/json', `"${'ä'.repeat(200 * KIB)}"`);
    server.answer(json(said('ok')));
    await llmOf(files, 'deepseek/deepseek-chat').chatCompletionPlain([by(table, long)]);
    const sent: string = server.requests[0]?.body.messages[0].content;
    const [said1, named, cut] = sent.split('\n\n');
    assert.deepEqual([said1, named], ['Look', '[File "a.csv", text/csv]\nx,y\n1,2']);
    assert.match(
      String(cut),
      /^\[File "b\.json", application\/json, its first 262144 bytes\]\n"ä+$/,
    );
  });

  test('a type that the model does not take is refused before anything is sent', async () => {
    const files = new Files();
    const zip = files.add('a.zip', 'application/zip', 'PK');
    const picture = files.add('b.png', 'image/png', PNG);
    server.answer(json(said('ok')));
    await assert.rejects(llmOf(files).chatCompletionPlain([by(picture, zip)]), {
      code: 'llm_input_invalid',
      message:
        /^Model gpt-4\.1-mini does not take the file 'a\.zip' \(application\/zip, 2 bytes\): it takes text, image\/png, .*\. Choose another model; or,.* MODEL_FILES/,
    });
    await assert.rejects(
      llmOf(files, 'deepseek/deepseek-chat').chatCompletionPlain([by(picture)]),
      {
        code: 'llm_input_invalid',
        message: /it takes text\. Choose/,
      },
    );
    await assert.rejects(llmOf(undefined).chatCompletionPlain([by(picture)]), {
      code: 'llm_input_invalid',
      message: /files can be read by ctx\.llm alone, or with loadFile/,
    });
    assert.equal(server.requests.length, 0);
    assert.deepEqual(files.loaded, []);
  });

  test('later in the conversation what the model does not take is a note, and so is what it sent', async () => {
    const files = new Files();
    const zip = files.add('a.zip', 'application/zip', 'PK');
    const chart = files.add('c.png', 'image/png', PNG);
    const gone: MessageFile = { file_id: 'x', name: 'd "1".png', media_type: 'image/png', size: 5 };
    server.answer(json(said('ok')));
    await llmOf(files).chatCompletionPlain([
      by(zip),
      { role: 'assistant', content: 'Here', files: [chart] },
      by(gone),
    ]);
    assert.deepEqual(server.requests[0]?.body.messages, [
      {
        role: 'user',
        content: 'Look\n\n[File "a.zip", application/zip, which this model cannot read]',
      },
      { role: 'assistant', content: 'Here\n\n[File "c.png", image/png, sent by the assistant]' },
      {
        role: 'user',
        content: 'Look\n\n[File "d \\"1\\".png", image/png, which is not there any more]',
      },
    ]);
  });

  test('only the newest bytes are sent; each file is loaded once in a run', async () => {
    const files = new Files();
    const old = files.add('old.png', 'image/png', Buffer.alloc(10));
    const large = files.add('large.png', 'image/png', Buffer.alloc(100));
    const small = files.add('new.png', 'image/png', Buffer.alloc(20));
    server.answer(json(said('ok')));
    const llm = llmOf(files);
    const talk = [by(old), by(large), by(small)];
    await llm.chatCompletionPlain(talk, { maxFileBytes: 50 });
    await llm.chatCompletionPlain(talk, { maxFileBytes: 50 });
    assert.deepEqual(files.loaded, ['id of new.png']);
    const [first, second, third] = server.requests[1]?.body.messages ?? [];
    assert.equal(first.content, 'Look\n\n[File "old.png", image/png, no longer sent along]');
    assert.match(second.content, /no longer sent along/);
    assert.equal(third.content[1].type, 'image_url');
    await assert.rejects(
      llmOf(files, 'gpt-4.1', { maxFileBytes: 99 }).chatCompletionPlain([by(large)]),
      {
        code: 'llm_input_invalid',
        message: /'large\.png' \(image\/png, 100 bytes\): .* may be 99 bytes together/,
      },
    );
  });

  test('the settings say what models take: of all, or of a server', async () => {
    const files = new Files();
    const picture = files.add('a.png', 'image/png', PNG);
    const video = files.add('b.mp4', 'video/mp4', 'x');
    const servers = { house: { baseUrl: server.url, files: ['video/*'] } };
    server.answer(json(said('ok')));
    const house = llmOf(files, 'house/m', { servers, files: [] });
    await house.chatCompletionPlain([by(video)]);
    assert.equal(server.requests[0]?.body.messages[0].content[1].type, 'video_url');
    await assert.rejects(house.chatCompletionPlain([by(picture)]), { code: 'llm_input_invalid' });
    await assert.rejects(
      llmOf(files, 'gpt-4.1', { files: [] }).chatCompletionPlain([by(picture)]),
      {
        code: 'llm_input_invalid',
      },
    );
    assert.throws(() => createLlmProvider({}, { MODEL_FILES: 'png' }), { code: 'llm_unusable' });
  });
});
