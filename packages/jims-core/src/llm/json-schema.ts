import type { JSONSchema7 } from '@ai-sdk/provider';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type * as ValibotSchemas from '@valibot/to-json-schema';
import type { toJsonSchema } from '@valibot/to-json-schema';

import { JimsError } from '../errors.ts';
import { optionalPackage } from './optional-package.ts';

/** A schema of zod, valibot, arktype, … : it checks an answer, and says what the model shall write. */
export type AnswerSchema<T> = StandardSchemaV1<unknown, T>;

/** JSON schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export function isSchemaObject(value: unknown): value is AnswerSchema<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    '~standard' in value
  );
}

/**
 * The JSON schema of what a schema takes.
 *
 * @throws JimsError `llm_input_invalid` when the schema cannot say it.
 */
export async function jsonSchemaOf(schema: AnswerSchema<unknown>): Promise<JsonSchema> {
  const { vendor } = schema['~standard'];
  if (describesItself(schema)) {
    return schema['~standard'].jsonSchema.input({ target: 'draft-07' });
  }
  if (vendor === 'valibot') return jsonSchemaOfValibot(schema);
  throw new JimsError(
    'llm_input_invalid',
    `A schema of ${vendor} has no JSON schema: use one that has, such as zod's or arktype's`,
  );
}

async function jsonSchemaOfValibot(schema: AnswerSchema<unknown>): Promise<JsonSchema> {
  const valibot = await optionalPackage<typeof ValibotSchemas>(
    '@valibot/to-json-schema',
    'A schema of valibot',
  );
  if (!isValibot(schema)) throw new JimsError('llm_input_invalid', 'This is no schema of valibot');
  return { ...valibot.toJsonSchema(schema, { errorMode: 'ignore', typeMode: 'input' }) };
}

/** What was made by a schema library, or written by hand, as the SDK's type of it. */
export function asJsonSchema7(schema: JsonSchema): JSONSchema7 {
  return schema;
}

function describesItself(
  schema: AnswerSchema<unknown>,
): schema is AnswerSchema<unknown> & StandardJSONSchemaV1 {
  return 'jsonSchema' in schema['~standard'];
}

function isValibot(
  schema: AnswerSchema<unknown>,
): schema is AnswerSchema<unknown> & Parameters<typeof toJsonSchema>[0] {
  return 'kind' in schema && schema.kind === 'schema';
}
