import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessage, ChatMessages, LlmProvider, LlmSettings } from 'jims-core/llm';

import { collect } from '../../support/fake-models.ts';
import { OPENAI_LIKE, events, json, piece, said, wireServer } from '../../support/wire-server.ts';
import type { WireAnswer, WireServer } from '../../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Hello' }];
const TALK: ChatMessages = [
  { role: 'assistant', content: 'Welcome!' },
  { role: 'system', content: 'Be kind.' },
  { role: 'user', content: 'Hi' },
  { role: 'user', content: 'there' },
  { role: 'assistant', content: 'Hello' },
  { role: 'assistant', content: 'again' },
  { role: 'user', content: 'Go on' },
  { role: 'developer', content: 'Be brief.' },
];

let server: WireServer;
function llmOf(name: string, settings: LlmSettings = {}): LlmProvider {
  const others = {
    ANTHROPIC_API_BASE: server.url,
    ANTHROPIC_API_KEY: 'k',
    GEMINI_API_BASE: server.url,
    GEMINI_API_KEY: 'k',
  };
  const env = OPENAI_LIKE[name]?.(server.url) ?? others;
  return createLlmProvider({ model: `${name}/m`, retryBaseMs: 1, ...settings }, env);
}

function house(more: object = {}): LlmProvider {
  return llmOf('house', { servers: { house: { baseUrl: server.url, ...more } } });
}

// Answers that may be anything are read member by member.
// oxlint-disable-next-line typescript/no-explicit-any
const sentMessages = (at = 0): any[] => server.requests[at]?.body.messages;

describe('messages to models', () => {
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  describe('the order of messages', () => {
    const inOrder = [
      { role: 'system', content: 'Be kind.\n\nBe brief.' },
      { role: 'user', content: '(The conversation begins.)' },
      { role: 'assistant', content: 'Welcome!' },
      { role: 'user', content: 'Hi\n\nthere' },
      { role: 'assistant', content: 'Hello\n\nagain' },
      { role: 'user', content: 'Go on' },
    ];

    for (const name of ['hosted_vllm', 'ollama']) {
      test(`${name}: one system message first, then the user and the assistant in turns`, async () => {
        server.answer(json(said('ok')), events(piece('ok', 'stop'), '[DONE]'));
        await llmOf(name).chatCompletionPlain(TALK);
        await collect(llmOf(name).stream(TALK));
        assert.deepEqual(sentMessages(), inOrder);
        assert.deepEqual(sentMessages(1), inOrder);
      });
    }

    test('a server of your own: unchanged by default, reordered by its settings', async () => {
      server.answer(json(said('ok')));
      await house().chatCompletionPlain(TALK);
      assert.deepEqual(
        sentMessages().map(({ content }) => content),
        [...TALK].map(({ content }) => content),
      );
      server.answer(json(said('ok')));
      await house({ systemFirst: true, alternatingRoles: true }).chatCompletionPlain(TALK);
      assert.deepEqual(sentMessages(), inOrder);
      server.answer(json(said('ok')));
      await house({ systemFirst: true }).chatCompletionPlain(TALK);
      assert.deepEqual(
        sentMessages().map(({ role }) => role),
        ['system', 'assistant', 'user', 'user', 'assistant', 'assistant', 'user'],
      );
    });

    test('the settings also apply to a known server', async () => {
      server.answer(json(said('ok')));
      const servers = { hosted_vllm: { systemFirst: false, alternatingRoles: false } };
      await llmOf('hosted_vllm', { servers }).chatCompletionPlain(TALK);
      assert.equal(sentMessages().length, TALK[Symbol.iterator] ? [...TALK].length : 0);
      assert.equal(sentMessages()[1].role, 'system');
    });

    test('tool calls and their answers stay adjacent, and images are kept', async () => {
      server.answer(json(said('ok')));
      const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } } as const;
      const image = {
        type: 'image_url',
        image_url: { url: 'data:image/png;base64,aGk=' },
      } as const;
      await llmOf('ollama').chatCompletionPlain([
        { role: 'user', content: 'a' },
        { role: 'user', content: [{ type: 'text', text: 'b' }, image] },
        { role: 'assistant', content: 'Let me see.' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: 'x' },
        { role: 'assistant', content: 'x it is' },
        { role: 'user', content: 'Thanks' },
      ]);
      assert.deepEqual(sentMessages(), [
        { role: 'user', content: [{ type: 'text', text: 'a\n\nb' }, image] },
        { role: 'assistant', content: 'Let me see.', tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: 'x' },
        { role: 'assistant', content: 'x it is' },
        { role: 'user', content: 'Thanks' },
      ]);
    });
  });

  describe('messages that OpenAI takes', () => {
    const wav = { type: 'input_audio', input_audio: { data: 'aGk=', format: 'wav' } } as const;
    const pdf = {
      type: 'file',
      file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,aGk=' },
    } as const;
    const uploaded = { type: 'file', file: { file_id: 'file-1' } } as const;
    const picture = {
      type: 'image_url',
      image_url: { url: 'https://a.example/b.png', detail: 'low' },
    } as const;

    for (const name of ['openai', 'azure', 'groq']) {
      test(`${name}: audio, files and the detail of images`, async () => {
        server.answer(json(said('ok')));
        await llmOf(name).chatCompletionPlain([
          { role: 'user', content: [wav, pdf, uploaded, picture] },
        ]);
        assert.deepEqual(sentMessages()[0].content, [wav, pdf, uploaded, picture]);
      });

      test(`${name}: content that is absent, null, or in parts with other names`, async () => {
        server.answer(json(said('ok')));
        const call = {
          id: 'c',
          type: 'function',
          function: { name: 'f', arguments: '{}' },
        } as const;
        const messages: unknown = [
          {
            role: 'system',
            content: [
              { type: 'text', text: 'a' },
              { type: 'input_text', text: 'b' },
            ],
          },
          { role: 'user' },
          { role: 'user', content: [{ type: 'input_text', text: 'c' }] },
          { role: 'assistant', content: null, refusal: 'No.' },
          { role: 'assistant', content: [{ type: 'refusal', refusal: 'Never.' }] },
          { role: 'assistant', tool_calls: [call] },
          { role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 'd' }] },
        ];
        await llmOf(name).chatCompletionPlain(messages as ChatMessages);
        assert.deepEqual(sentMessages(), [
          { role: 'system', content: 'a\nb' },
          { role: 'user', content: '' },
          { role: 'user', content: 'c' },
          { role: 'assistant', content: 'No.' },
          { role: 'assistant', content: 'Never.' },
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: 'c', content: 'd' },
        ]);
      });
    }

    for (const [what, messages] of Object.entries({
      'nothing at all': null,
      'a string': 'Hello',
      'a message that is null': [null],
      'a message that is text': ['Hello'],
      'content that is a number': [{ role: 'user', content: 5 }],
      'content that is an object': [{ role: 'assistant', content: { text: 'x' } }],
      'a part that is null': [{ role: 'user', content: [null] }],
      'a part without a type': [{ role: 'user', content: [{}] }],
      'a part of an unknown type': [{ role: 'user', content: [{ type: 'video' }] }],
      'text that is not text': [{ role: 'user', content: [{ type: 'text', text: 5 }] }],
      'an image without an address': [{ role: 'user', content: [{ type: 'image_url' }] }],
      'an image whose address is a number': [
        { role: 'user', content: [{ type: 'image_url', image_url: { url: 5 } }] },
      ],
      'a file without data': [{ role: 'user', content: [{ type: 'file', file: {} }] }],
      'a file of a kind that is not taken': [
        {
          role: 'user',
          content: [{ type: 'file', file: { file_data: 'data:text/x;base64,aGk=' } }],
        },
      ],
      'audio of an unknown format': [
        {
          role: 'user',
          content: [{ type: 'input_audio', input_audio: { data: 'a', format: 'ogg' } }],
        },
      ],
      'an image in a system message': [{ role: 'system', content: [picture] }],
      'a tool without the id of its call': [{ role: 'tool', content: 'x' }],
      'calls that are not a list': [{ role: 'assistant', tool_calls: {} }],
    })) {
      test(`${what} is refused before anything is sent, and the error says why`, async () => {
        server.answer(json(said('ok')));
        await assert.rejects(
          llmOf('openai').chatCompletionPlain(messages as unknown as ChatMessages),
          {
            name: 'JimsError',
            code: 'llm_input_invalid',
          },
        );
        assert.equal(server.requests.length, 0);
      });
    }

    test('of a part with text only the text is sent', async () => {
      server.answer(json(said('ok')));
      const part = {
        type: 'text',
        text: 'a',
        providerOptions: { openaiCompatible: { leaked: 1 } },
      };
      await house().chatCompletionPlain([
        { role: 'user', content: [part as never, part as never] },
      ]);
      assert.deepEqual(sentMessages()[0].content, [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'a' },
      ]);
    });

    test('half characters, which servers refuse, are replaced', async () => {
      server.answer(json(said('ok')));
      const content = `${String.raw`\ud83d "\\`}\ud83d\ud83d\ude00`;
      await llmOf('openai').chatCompletionPlain([{ role: 'user', content }]);
      const written = String.raw`\ud83d "\\`;
      assert.equal(sentMessages()[0].content, `${written}\ufffd\ud83d\ude00`);
    });

    for (const text of ['{"city": Oslo', '[1]', '"text"', '5', 'null']) {
      test(`arguments that are not an object (${text}) are sent inside of one`, async () => {
        const messages: ChatMessages = [
          ...ASK,
          {
            role: 'assistant',
            tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: text } }],
          },
          { role: 'tool', tool_call_id: 'c', content: 'no' },
        ];
        for (const name of ['openai', 'azure', 'groq']) {
          server.answer(json(said('ok')));
          await llmOf(name).chatCompletionPlain(messages);
          const { arguments: sent } = sentMessages()[1].tool_calls[0].function;
          assert.deepEqual(JSON.parse(sent), { invalid_arguments: text });
        }
        server.answer(
          json({ type: 'message', content: [{ type: 'text', text: 'ok' }], usage: {} }),
        );
        await llmOf('anthropic')
          .chatCompletionPlain(messages)
          .catch(() => {});
        assert.deepEqual(sentMessages()[1].content[0].input, { invalid_arguments: text });
      });
    }

    test('arguments that the server wrote as an object become text', async () => {
      const call = {
        id: 'c',
        type: 'function',
        function: { name: 'f', arguments: { arguments: { a: 1 } } },
      };
      server.answer(json(said(null, { tool_calls: [call] }, 'tool_calls')));
      for (const name of ['openai', 'azure', 'groq']) {
        const { toolCalls } = await llmOf(name).chatCompletionWithTools(ASK, []);
        assert.equal(toolCalls[0]?.function.arguments, '{"arguments":{"a":1}}');
      }
    });

    test('also in a stream, cut wherever it may be', async () => {
      // The separator may be in JSON as it is, and does not end a line of a stream.
      const city = 'Łódź\u2028Bałuty';
      const call = { index: 0, id: 'c', function: { name: 'f', arguments: { city } } };
      const parts = [{ choices: [{ index: 0, delta: { tool_calls: [call] } }] }, piece('', 'stop')];
      const bytes = Buffer.from(parts.map((part) => `data: ${JSON.stringify(part)}\n\n`).join(''));
      const byByte: WireAnswer = (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const byte of bytes) response.write(Uint8Array.of(byte));
        response.end('data: [DONE]\n\n');
      };
      for (const name of ['openai', 'azure', 'groq']) {
        server.answer(byByte, events(piece('done'), piece('', 'stop'), '[DONE]'));
        let called: unknown;
        const execute = (input: unknown): void => void (called = input);
        const tools = { f: { description: 'f', execute } };
        assert.equal(await llmOf(name).run(ASK, { tools }).text(), 'done');
        assert.deepEqual(called, { city });
      }
    });

    test('a call without arguments gets an empty object', async () => {
      const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '' } };
      server.answer(json(said(null, { tool_calls: [call] }, 'tool_calls')));
      for (const name of ['openai', 'groq']) {
        const { toolCalls } = await llmOf(name).chatCompletionWithTools(ASK, []);
        assert.equal(toolCalls[0]?.function.arguments, '{}');
      }
    });
  });

  describe('data that a provider wants back with tool calls', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } } as const;

    async function loop(
      llm: LlmProvider,
      first: WireAnswer,
      second: WireAnswer,
    ): Promise<{ readonly message: ChatMessage }> {
      server.answer(first, second);
      const { message, toolCalls } = await llm.chatCompletionWithTools(ASK, []);
      // As an app keeps it, and gets it back from the log of its thread.
      const kept = JSON.parse(JSON.stringify(message)) as ChatMessage;
      const id = toolCalls[0]?.id ?? '';
      await llm.chatCompletionWithTools(
        [...ASK, kept, { role: 'tool', tool_call_id: id, content: 'x' }],
        [],
      );
      return { message: kept };
    }

    for (const [name, thoughts] of [
      ['deepseek', { reasoning_content: 'I need f.' }],
      ['house', { reasoning_content: 'I need f.' }],
      ['openai', { reasoning_content: 'I need f.' }],
      ['azure', { reasoning_content: 'I need f.' }],
      ['groq', { reasoning: 'I need f.' }],
      [
        'openrouter',
        { reasoning: 'I need f.', reasoning_details: [{ type: 'reasoning.encrypted', data: 'x' }] },
      ],
    ] as const) {
      test(`${name}: thoughts go back under the name under which they came`, async () => {
        const llm = name === 'house' ? house() : llmOf(name);
        const first = json(said(null, { ...thoughts, tool_calls: [call] }, 'tool_calls'));
        await loop(llm, first, json(said('ok')));
        assert.deepEqual(sentMessages(1)[1], {
          role: 'assistant',
          content: null,
          tool_calls: [call],
          ...thoughts,
        });
      });
    }

    test('another provider does not get them', async () => {
      const first = json(said(null, { reasoning_content: 'hm', tool_calls: [call] }, 'tool_calls'));
      const { message } = await loop(llmOf('deepseek'), first, json(said('ok')));
      server.answer(json(said('ok')));
      const answer: ChatMessage = { role: 'tool', tool_call_id: 'c1', content: 'x' };
      await llmOf('groq').chatCompletionPlain([...ASK, message, answer]);
      assert.deepEqual(sentMessages()[1], { role: 'assistant', content: null, tool_calls: [call] });
    });

    test('an answer without calls keeps no thoughts', async () => {
      server.answer(json(said('Hi', { reasoning_content: 'hm' })));
      const message = await llmOf('deepseek').chatCompletionPlain(ASK);
      assert.deepEqual(Object.keys(message), ['role', 'content']);
    });

    test('reasoning_content that an app put there itself goes back, too', async () => {
      server.answer(json(said('ok')));
      const message = {
        role: 'assistant',
        content: null,
        reasoning_content: 'mine',
        tool_calls: [call],
      };
      await llmOf('deepseek').chatCompletionPlain([
        ...ASK,
        message as unknown as ChatMessage,
        { role: 'tool', tool_call_id: 'c1', content: 'x' },
      ]);
      assert.deepEqual(sentMessages()[1], message);
    });

    test('signatures of thoughts in calls go back at servers that speak OpenAI’s API', async () => {
      const signed = { ...call, extra_content: { google: { thought_signature: 'sig-1' } } };
      const first = json(said(null, { tool_calls: [signed] }, 'tool_calls'));
      await loop(house(), first, json(said('ok')));
      assert.deepEqual(sentMessages(1)[1].tool_calls, [signed]);
      server.answer(json(said('ok')));
      const own: ChatMessage = { role: 'assistant', content: null, tool_calls: [signed] };
      await house().chatCompletionPlain([
        ...ASK,
        own,
        { role: 'tool', tool_call_id: 'c1', content: 'x' },
      ]);
      assert.deepEqual(sentMessages()[1].tool_calls, [signed]);
    });

    test('anthropic: thinking goes back with its signature, before the call', async () => {
      const usage = { input_tokens: 10, output_tokens: 5 };
      const base = { id: 'm', type: 'message', role: 'assistant', model: 'm', usage };
      const thinking = { type: 'thinking', thinking: 'I need f.', signature: 'sig-1' };
      const hidden = { type: 'redacted_thinking', data: 'secret' };
      const use = { type: 'tool_use', id: 't1', name: 'f', input: {} };
      const first = json({ ...base, stop_reason: 'tool_use', content: [thinking, hidden, use] });
      const second = json({
        ...base,
        stop_reason: 'end_turn',
        content: [{ type: 'text', text: 'ok' }],
      });
      await loop(llmOf('anthropic'), first, second);
      assert.deepEqual(sentMessages(1)[1], { role: 'assistant', content: [thinking, hidden, use] });
    });

    test('gemini: the signature of a call goes back', async () => {
      const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 };
      const part = { functionCall: { name: 'f', args: {} }, thoughtSignature: 'sig-1' };
      const answer = (parts: readonly object[]): object => ({
        candidates: [{ index: 0, content: { role: 'model', parts }, finishReason: 'STOP' }],
        usageMetadata,
      });
      await loop(llmOf('gemini'), json(answer([part])), json(answer([{ text: 'ok' }])));
      const [, model] = server.requests[1]?.body.contents ?? [];
      assert.equal(model.parts[0].thoughtSignature, 'sig-1');
    });
  });

  describe('requests as a server takes them', () => {
    test('azure gets max_completion_tokens, in all calls', async () => {
      for (const model of ['gpt-5-mini', 'o4-mini', 'my-deployment']) {
        server.answer(json(said('{"value":"a"}')));
        const llm = llmOf('azure', { model: `azure/${model}` });
        await llm.chatCompletionPlain(ASK, { maxOutputTokens: 100 });
        await llm.chatCompletionWithTools(ASK, [], { maxOutputTokens: 100 });
        await collect(llm.stream(ASK, { maxOutputTokens: 100 }));
        for (const { body } of server.requests) {
          assert.equal(body.max_completion_tokens, 100);
          assert.equal('max_tokens' in body, false);
        }
      }
      server.answer(json(said('ok')));
      await llmOf('azure').chatCompletionPlain(ASK);
      assert.equal('max_completion_tokens' in (server.requests[0]?.body ?? {}), false);
    });

    test('streamUsage: false leaves stream_options out', async () => {
      const without = { streamUsage: false };
      const servers = {
        house: { ...without, baseUrl: server.url },
        mistral: without,
        openai: without,
        azure: without,
      };
      for (const name of Object.keys(servers)) {
        server.answer(events(piece('ok', 'stop'), '[DONE]'));
        const { pieces, error } = await collect(llmOf(name, { servers }).stream(ASK));
        assert.deepEqual(pieces, ['ok'], String(error));
        assert.equal('stream_options' in (server.requests[0]?.body ?? {}), false);
      }
      server.answer(events(piece('ok', 'stop'), '[DONE]'));
      await collect(llmOf('mistral').stream(ASK));
      assert.deepEqual(server.requests[0]?.body.stream_options, { include_usage: true });
    });

    test('the order of messages can also be set for a provider with its own package', async () => {
      const servers = { openai: { systemFirst: true, alternatingRoles: true, apiKey: 'other' } };
      server.answer(json(said('ok')));
      await llmOf('openai', { servers }).chatCompletionPlain(TALK);
      assert.equal(sentMessages().length, 6);
      assert.equal(server.requests[0]?.headers.authorization, 'Bearer other');
    });

    test("a tool choice may be in OpenAI's form", async () => {
      const choice = { type: 'function', function: { name: 'f' } } as const;
      server.answer(json(said('ok')));
      const tool = { type: 'function', function: { name: 'f' } } as const;
      await llmOf('openai').chatCompletionWithTools(ASK, [tool], { toolChoice: choice });
      assert.deepEqual(server.requests[0]?.body.tool_choice, choice);
    });

    test('lists of the wrong form are refused, and the error says why', async () => {
      server.answer(json(said('ok')));
      const llm = llmOf('cohere', { embeddingsModel: 'cohere/m' });
      const wrong = (value: unknown): never => value as never;
      const ranking = createLlmProvider({}, { COHERE_API_BASE: server.url, COHERE_API_KEY: 'k' });
      for (const call of [
        () => llm.chatCompletionWithTools(ASK, wrong(null)),
        () => llm.chatCompletionWithTools(ASK, [wrong({ name: 'f' })]),
        () => llm.chatCompletionStructured(ASK, wrong({ type: 'object' })),
        () => llm.chatCompletionStructured(ASK, wrong(undefined)),
        () => llm.createEmbeddings(wrong('text')),
        () => llm.createEmbeddings([wrong(null)]),
        () => llm.createEmbedding(wrong(5)),
        () => ranking.rerank('x', wrong('text')),
        () => ranking.rerank('x', [wrong({ text: 'y' })]),
        () => ranking.rerank(wrong(undefined), ['y']),
      ]) {
        await assert.rejects(call, { name: 'JimsError', code: 'llm_input_invalid' });
      }
      assert.equal(server.requests.length, 0);
    });

    test('MODEL_API_KEY goes to a server of your own only when MODEL is a model of it', async () => {
      server.answer(json(said('ok')));
      const servers = { house: { baseUrl: server.url } };
      const env = { MODEL_API_KEY: 'mine', OPENAI_BASE_URL: server.url };
      const own = createLlmProvider({ servers }, { ...env, MODEL: 'house/m' });
      await own.chatCompletionPlain(ASK);
      const other = createLlmProvider({ servers }, { ...env, MODEL: 'gpt-4.1-mini' });
      await other.chatCompletionPlain(ASK);
      await other.chatCompletionPlain(ASK, { model: 'house/m' });
      assert.deepEqual(
        server.requests.map(({ headers }) => headers.authorization),
        ['Bearer mine', 'Bearer mine', undefined],
      );
    });

    test('a server without an address is refused with its name', async () => {
      const llm = createLlmProvider({ model: 'house/m', servers: { house: {} } }, {});
      await assert.rejects(llm.chatCompletionPlain(ASK), {
        code: 'llm_unusable',
        message: 'servers.house needs a baseUrl',
      });
    });
  });
});
