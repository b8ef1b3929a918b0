import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { AnswerSchema, ChatMessages, LlmProvider, LlmSettings, Tool } from 'jims-core/llm';
import * as v from 'valibot';
import { z } from 'zod';

import {
  canBeStrict,
  dropNulls,
  strictSchema,
  withoutLookaround,
} from '../../../src/llm/schemas/strict-schema.ts';
import { strictModeProblem } from '../../support/strict-mode.ts';
import { OPENAI_LIKE, json, said, wireServer } from '../../support/wire-server.ts';
import type { WireServer } from '../../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Which?' }];

const Named = z.object({ x: z.string(), y: z.string().optional() }).meta({ id: 'Named' });
interface Nested {
  readonly name: string;
  readonly child?: Nested | undefined;
}
const Tree: z.ZodType<Nested> = z.object({
  name: z.string(),
  get child() {
    return Tree.describe('the next one').optional();
  },
});

/** Schemas with something that strict mode has no word for, each with an answer that fits. */
const STRICT: Readonly<Record<string, readonly [schema: AnswerSchema<unknown>, answer: unknown]>> =
  {
    'an address': [z.object({ link: z.url() }), { link: 'https://a.example/' }],
    'formats of all kinds': [
      z.object({
        a: z.email(),
        b: z.uuid(),
        c: z.iso.date(),
        d: z.cuid2(),
        e: z.base64(),
        f: z.ipv4(),
        g: z.jwt().optional(),
        h: z.iso.datetime(),
        i: z.cidrv4(),
      }),
      {
        a: 'a@b.example',
        b: '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d',
        c: '2026-01-01',
        d: 'tz4a98xxat96iws9zmbrgj3a',
        e: 'aGk=',
        f: '1.2.3.4',
        g: null,
        h: '2026-01-01T00:00:00Z',
        i: '10.0.0.0/8',
      },
    ],
    'a description beside a reference': [
      z.object({ a: Named.describe('first'), b: Named.describe('second') }),
      { a: { x: '1', y: null }, b: { x: '2', y: 'z' } },
    ],
    'a regular expression that looks around': [
      z.object({ a: z.string().regex(/^(?!x)a/) }),
      { a: 'ab' },
    ],
    lengths: [
      z.object({ a: z.string().min(1).max(9), b: z.array(z.string()).min(1) }),
      { a: 'b', b: ['c'] },
    ],
    'a default and examples': [
      z.object({
        a: z
          .string()
          .default('x')
          .meta({ examples: ['y'], deprecated: true }),
      }),
      { a: 'z' },
    ],
    'a tree': [Tree, { name: 'a', child: { name: 'b', child: null } }],
    'a union of objects': [
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('a'), n: z.int().min(1).max(5) }),
        z.object({ kind: z.literal('b') }),
      ]),
      { value: { kind: 'a', n: 2 } },
    ],
    'an enum': [z.enum(['yes', 'no']), { value: 'yes' }],
    'a nullable literal': [
      z.object({ a: z.union([z.literal(1), z.literal('b'), z.null()]) }),
      { a: null },
    ],
    'properties named like keywords': [
      z.object({
        type: z.string(),
        format: z.string().optional(),
        items: z.array(z.string()),
        $ref: z.string(),
      }),
      { type: 'a', format: null, items: [], $ref: 'b' },
    ],
    valibot: [
      v.object({ link: v.pipe(v.string(), v.url()), tags: v.array(v.picklist(['a', 'b'])) }),
      { link: 'https://a.example/', tags: ['a'] },
    ],
  };

describe('schemas on the wire', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  const llmOf = (name: string, settings: LlmSettings = {}): LlmProvider =>
    createLlmProvider(
      { model: `${name}/m`, retryBaseMs: 1, ...settings },
      OPENAI_LIKE[name]?.(server.url) ?? {},
    );
  const house = (more: object = {}): LlmProvider =>
    llmOf('house', { servers: { house: { baseUrl: server.url, ...more } } });

  for (const [what, [schema, answer]] of Object.entries(STRICT)) {
    test(`${what}: sent as strict mode takes it, and checked by the schema`, async () => {
      for (const name of ['openai', 'azure', 'openrouter', 'hosted_vllm', 'groq']) {
        server.answer(json(said(JSON.stringify(answer))));
        await llmOf(name).chatCompletionStructured(ASK, schema);
        const { response_format: format } = server.requests[0]?.body ?? {};
        assert.equal(format.json_schema.strict, true);
        assert.equal(strictModeProblem(format.json_schema.schema), undefined);
      }
    });
  }

  test('keywords that strict mode does not know go into the description', async () => {
    server.answer(json(said('{"a":"ab"}')));
    const schema = z.object({ a: z.string().max(3).describe('A code') });
    await llmOf('openai').chatCompletionStructured(ASK, schema);
    const { a } = server.requests[0]?.body.response_format.json_schema.schema.properties ?? {};
    assert.equal(a.description, 'A code; maxLength: 3');
  });

  const notStrict: Readonly<Record<string, readonly [AnswerSchema<unknown>, answer: unknown]>> = {
    'a record': [z.object({ a: z.record(z.string(), z.number()) }), { a: { b: 1 } }],
    anything: [z.object({ a: z.any(), b: z.string().regex(/^(?=a)/) }), { a: [1], b: 'a' }],
    'a list of anything': [z.object({ a: z.array(z.unknown()) }), { a: [1, 'b'] }],
    'a tuple': [z.object({ a: z.tuple([z.string(), z.number()]) }), { a: ['b', 1] }],
    'an intersection': [
      z.object({ a: z.intersection(Named, z.object({ c: z.string() })) }),
      { a: { x: '1', c: '2' } },
    ],
    'an open object': [z.object({ a: z.string() }).catchall(z.number()), { a: 'b', c: 1 }],
  };
  for (const [what, [schema, answer]] of Object.entries(notStrict)) {
    test(`${what} has no strict form: sent without strict mode and without lookaround`, async () => {
      server.answer(json(said(JSON.stringify(answer))));
      assert.deepEqual(await house().chatCompletionStructured(ASK, schema), answer);
      const { json_schema: sent } = server.requests[0]?.body.response_format ?? {};
      assert.equal(sent.strict, false);
      assert.doesNotMatch(JSON.stringify(sent.schema), /\(\?=/);
    });
  }

  test('a schema that refers to itself and is not an object refers to its new position', async () => {
    type Json = string | Json[];
    const Lists: z.ZodType<Json> = z.union([z.string(), z.array(z.lazy(() => Lists))]);
    server.answer(json(said('{"value":["a",["b"]]}')));
    assert.deepEqual(await llmOf('openai').chatCompletionStructured(ASK, Lists), ['a', ['b']]);
    const { schema } = server.requests[0]?.body.response_format.json_schema ?? {};
    assert.equal(strictModeProblem(schema), undefined);
    assert.match(JSON.stringify(schema), /"\$ref":"#\/properties\/value"/);
    const list = z.array(Named);
    server.answer(json(said('{"value":[{"x":"1","y":null}]}')));
    assert.deepEqual(await llmOf('openai').chatCompletionStructured(ASK, list), [{ x: '1' }]);
  });

  const notJson: Readonly<Record<string, AnswerSchema<unknown>>> = {
    'a date': z.object({ a: z.date() }),
    'a bigint': z.object({ a: z.bigint() }),
    'a set': z.set(z.string()),
    'a date of valibot': v.object({ a: v.date() }),
  };
  for (const [what, schema] of Object.entries(notJson)) {
    test(`${what} has no JSON schema, and the error says so`, async () => {
      server.answer(json(said('{}')));
      const error = { code: 'llm_input_invalid', message: /^The schema has no JSON schema: / };
      await assert.rejects(llmOf('openai').chatCompletionStructured(ASK, schema), error);
      const tool: Tool = { type: 'function', function: { name: 't', parameters: schema } };
      await assert.rejects(llmOf('openai').chatCompletionWithTools(ASK, [tool]), error);
      assert.equal(server.requests.length, 0);
    });
  }

  for (const [what, text] of [
    ['a fence', '```json\n{"city":"Oslo"}\n```'],
    ['a fence without a language, in white space', '\n ```\n{"city":"Oslo"}\n```  \n'],
    ['a thought', '<think>\nOslo? {"city":"Rome"}\n</think>\n\n{"city":"Oslo"}'],
    ['a fence, beside what looks like a thought', '```json\n{"a":"</think>","city":"Oslo"}\n```'],
    ['a fence in one line', '```json{"city":"Oslo"}```'],
    ['the end of a thought that the template began', 'Oslo? "Rome"\n</think>\n{"city":"Oslo"}'],
    ['a thought and a fence', '<think>hm</think>```json\r\n{"city":"Oslo"}\r\n```'],
    ['a byte order mark', '\uFEFF{"city":"Oslo"}'],
  ] as const) {
    test(`JSON in ${what} is read`, async () => {
      server.answer(json(said(text)));
      const City = z.object({ city: z.string() });
      for (const llm of [llmOf('deepseek'), house(), llmOf('openai')]) {
        assert.deepEqual(await llm.chatCompletionStructured(ASK, City), { city: 'Oslo' });
      }
      assert.equal(server.requests.length, 3);
    });
  }

  test('JSON among other words is refused', async () => {
    const City = z.object({ city: z.string() });
    for (const text of [
      '{"city":"Oslo"}\nHope this helps!',
      'Here:\n```json\n{"city":"Oslo"}\n```',
    ]) {
      server.answer(json(said(text)));
      await assert.rejects(house().chatCompletionStructured(ASK, City), {
        code: 'llm_answer_invalid',
      });
      assert.equal(server.requests.length, 3);
    }
  });

  test('a value may come without the object around it', async () => {
    const values: readonly (readonly [AnswerSchema<unknown>, value: unknown])[] = [
      [z.enum(['yes', 'no']), 'yes'],
      [z.array(z.string()), ['a']],
      [z.string().nullable(), null],
      [z.union([z.object({ a: z.string() }), z.string()]), { a: 'b' }],
    ];
    for (const [schema, value] of values) {
      server.answer(json(said(JSON.stringify(value))));
      assert.deepEqual(await house().chatCompletionStructured(ASK, schema), value);
      server.answer(json(said(JSON.stringify({ value }))));
      assert.deepEqual(await house().chatCompletionStructured(ASK, schema), value);
    }
  });

  const City = z.object({ city: z.string() });
  for (const [name, status, message] of [
    [
      'groq',
      400,
      'This model does not support response format `json_schema`. See supported models',
    ],
    [
      'openai',
      400,
      "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model",
    ],
    ['deepseek-like', 400, 'This response_format type is unavailable now'],
    [
      'house',
      422,
      'response_format.type: unknown variant `json_schema`, expected `text` or `json_object`',
    ],
  ] as const) {
    test(`${name} refuses JSON schemas: the schema is put into the prompt`, async () => {
      const llm = OPENAI_LIKE[name] ? llmOf(name) : house();
      const asHouse = OPENAI_LIKE[name]
        ? llm
        : llmOf('house', { servers: { house: { baseUrl: server.url } } });
      server.answer(json({ error: { message } }, status), json(said('{"city":"Oslo"}')));
      assert.deepEqual(await asHouse.chatCompletionStructured(ASK, City), { city: 'Oslo' });
      assert.deepEqual(await asHouse.chatCompletionStructured(ASK, City), { city: 'Oslo' });
      assert.deepEqual(
        server.requests.map(({ body }) => body.response_format.type),
        ['json_schema', 'json_object', 'json_object'],
      );
      const [first] = server.requests[1]?.body.messages ?? [];
      assert.equal(first.role, 'system');
      assert.match(first.content, /JSON schema: .*"city"/);
    });
  }

  test('a schema that a server finds wrong is an error, and not put into the prompt', async () => {
    const message = "Invalid schema for response_format 'response': 'uri' is not a valid format";
    server.answer(json({ error: { message } }, 400));
    await assert.rejects(llmOf('openai').chatCompletionStructured(ASK, City), {
      code: 'llm_failed',
    });
    assert.equal(server.requests.length, 1);
  });

  test('structuredOutputs: false puts the schema into the prompt at once, also for a known provider', async () => {
    const servers = { groq: { structuredOutputs: false } };
    const env = OPENAI_LIKE['groq']?.(server.url) ?? {};
    const groq = createLlmProvider({ model: 'groq/m', servers }, env);
    const system = { role: 'system', content: 'Be brief.' } as const;
    for (const llm of [groq, house({ structuredOutputs: false }), llmOf('deepseek')]) {
      server.answer(json(said('{"city":"Oslo"}')));
      await llm.chatCompletionStructured([system, ...ASK], City);
      const { body } = server.requests[0] ?? {};
      assert.deepEqual(body.response_format, { type: 'json_object' });
      assert.match(body.messages[0].content, /^Be brief\.\n\nAnswer with JSON alone/);
      assert.equal(body.messages.length, 2);
    }
  });
});

describe('strict tools', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  const call = (json_: string): object => ({
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'find', arguments: json_ } }],
  });
  const strict = (parameters: Tool['function']['parameters']): Tool => ({
    type: 'function',
    function: { name: 'find', strict: true, ...(parameters && { parameters }) },
  });

  for (const name of ['openai', 'azure', 'groq']) {
    test(`${name}: parameters are sent as strict mode takes them, and nulls are left out`, async () => {
      const llm = createLlmProvider({ model: `${name}/m` }, OPENAI_LIKE[name]?.(server.url));
      const parameters = z.object({ city: z.string(), link: z.url().optional() });
      const byHand = {
        type: 'object',
        properties: { city: { type: 'string' }, link: { type: 'string', format: 'uri' } },
        required: ['city'],
      };
      for (const tool of [strict(parameters), strict(byHand)]) {
        server.answer(json(said(null, call('{"city":"Oslo","link":null}'), 'tool_calls')));
        const { toolCalls } = await llm.chatCompletionWithTools(ASK, [tool]);
        const { function: sent } = server.requests[0]?.body.tools[0] ?? {};
        assert.equal(sent.strict, true);
        assert.equal(strictModeProblem(sent.parameters), undefined);
        assert.equal(toolCalls[0]?.function.arguments, '{"city":"Oslo"}');
      }
    });
  }

  test('parameters without a strict form are sent without strict mode', async () => {
    const llm = createLlmProvider({ model: 'openai/m' }, OPENAI_LIKE['openai']?.(server.url));
    server.answer(json(said(null, call('{"a":{"b":null}}'), 'tool_calls')));
    const tool = strict(z.object({ a: z.record(z.string(), z.null()) }));
    const { toolCalls } = await llm.chatCompletionWithTools(ASK, [tool, strict(undefined)]);
    const tools = server.requests[0]?.body.tools ?? [];
    assert.deepEqual(
      tools.map(({ function: { strict: is } }: Tool) => is),
      [false, true],
    );
    assert.equal(toolCalls[0]?.function.arguments, '{"a":{"b":null}}');
  });
});

describe('strictSchema', () => {
  test('closes objects, and lets an optional property be null', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'number' } },
      required: ['a'],
    };
    assert.deepEqual(strictSchema(schema), {
      type: 'object',
      properties: { a: { type: 'string' }, b: { anyOf: [{ type: 'number' }, { type: 'null' }] } },
      required: ['a', 'b'],
      additionalProperties: false,
    });
  });

  test('moves unknown keywords into the description', () => {
    assert.deepEqual(strictSchema({ type: 'string', description: 'A code', minLength: 2 }), {
      type: 'string',
      description: 'A code; minLength: 2',
    });
  });
});

describe('canBeStrict', () => {
  for (const [schema, strict] of [
    [{ type: 'object', properties: {} }, true],
    [{ enum: ['a'] }, true],
    [{ type: 'object', additionalProperties: { type: 'string' } }, false],
    [{ type: 'object' }, false],
    [{}, false],
    [{ type: 'array', items: [{ type: 'string' }] }, false],
    [{ type: 'array', prefixItems: [{ type: 'string' }] }, false],
    [{ allOf: [{ type: 'string' }, { type: 'number' }] }, false],
    [{ allOf: [{ type: 'string' }] }, true],
    [{ type: 'object', properties: { deep: {} } }, false],
  ] as const) {
    test(`${JSON.stringify(schema)}: ${strict}`, () => assert.equal(canBeStrict(schema), strict));
  }
});

describe('dropNulls', () => {
  const schema = {
    $defs: { Node: { type: 'object', properties: { next: { $ref: '#/$defs/Node' } } } },
    type: 'object',
    properties: {
      kept: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      dropped: { type: 'string' },
      required: { type: 'string' },
      list: { type: 'array', items: { $ref: '#/$defs/Node' } },
    },
    required: ['required'],
  };

  test('removes nulls of optional properties, behind references, too', () => {
    const value = {
      kept: null,
      dropped: null,
      required: null,
      unknown: null,
      list: [{ next: { next: null } }],
    };
    assert.deepEqual(dropNulls(value, schema), {
      kept: null,
      required: null,
      unknown: null,
      list: [{ next: {} }],
    });
  });

  test('leaves other values as they are', () => {
    for (const value of [null, 1, 'x', [null]]) assert.deepEqual(dropNulls(value, schema), value);
  });
});

test('withoutLookaround drops only patterns that no server supports', () => {
  const schema = {
    type: 'object',
    properties: { a: { pattern: '^(?!x)' }, b: { pattern: '^x' } },
  };
  assert.deepEqual(withoutLookaround(schema), {
    type: 'object',
    properties: { a: {}, b: { pattern: '^x' } },
  });
});
