import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as v from 'valibot';
import { z } from 'zod';

import { isSchemaObject, jsonSchemaOf, mapSchemas } from '../../../src/llm/schemas/json-schema.ts';

describe('jsonSchemaOf', () => {
  const expected = {
    type: 'object',
    properties: { a: { type: 'string' } },
    required: ['a'],
  };
  for (const [library, schema] of [
    ['zod', z.object({ a: z.string() })],
    ['valibot', v.object({ a: v.string() })],
  ] as const) {
    test(`takes a schema of ${library}`, async () => {
      assert.partialDeepStrictEqual(await jsonSchemaOf(schema), expected);
    });
  }

  test('describes what goes into a schema, and not what comes out', async () => {
    const schema = z.string().transform((text) => text.length);
    assert.equal((await jsonSchemaOf(schema))['type'], 'string');
  });

  test('refuses a library without JSON schema by its name', async () => {
    const schema = {
      '~standard': { version: 1, vendor: 'acme', validate: (value: unknown) => ({ value }) },
    } as const;
    await assert.rejects(jsonSchemaOf(schema), {
      code: 'llm_input_invalid',
      message: 'Schemas of acme have no JSON schema: use one of zod, valibot or arktype',
    });
  });
});

test('plain JSON schema is not a schema object', () => {
  assert.equal(isSchemaObject({ type: 'object' }), false);
  assert.equal(isSchemaObject(z.string()), true);
});

test('mapSchemas replaces sub-schemas, and nothing that only looks like one', () => {
  const child = { type: 'string' };
  const schema = {
    type: 'object',
    default: child,
    enum: [child],
    properties: { items: child, type: child },
    anyOf: [child, true],
    additionalProperties: false,
    not: child,
  };
  assert.deepEqual(
    mapSchemas(schema, () => ({ mapped: true })),
    {
      ...schema,
      properties: { items: { mapped: true }, type: { mapped: true } },
      anyOf: [{ mapped: true }, true],
      not: { mapped: true },
    },
  );
});
