import type { JSONSchema7 } from '@ai-sdk/provider';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type * as ValibotSchemas from '@valibot/to-json-schema';
import type { toJsonSchema } from '@valibot/to-json-schema';

import { JimsError } from '../errors/jims-error.ts';
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
  if (!isSchemaObject(schema)) {
    throw new JimsError(
      'llm_input_invalid',
      'A schema is one of zod, valibot, arktype, … that checks the answer, too: plain JSON schema does not',
    );
  }
  const { vendor } = schema['~standard'];
  if (describesItself(schema)) {
    const { jsonSchema } = schema['~standard'];
    return described(() => jsonSchema.input({ target: 'draft-07' }));
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
  return described(() => ({
    ...valibot.toJsonSchema(schema, {
      // Checks of the app's own have no JSON schema, and need none.
      errorMode: 'ignore',
      typeMode: 'input',
      overrideSchema({ valibotSchema: { type } }) {
        if (NOT_JSON.has(type)) throw new Error(`${type} cannot be represented in JSON Schema`);
        return undefined;
      },
    }),
  }));
}

/** Types of valibot of which it would say that they are anything. */
const NOT_JSON: ReadonlySet<string> = new Set(
  'bigint blob date file function instance map nan promise set symbol undefined void'.split(' '),
);

/** Libraries throw their own errors for what JSON does not have, such as a date. */
function described(describe: () => JsonSchema): JsonSchema {
  try {
    return describe();
  } catch (cause) {
    const why = Error.isError(cause) ? cause.message : String(cause);
    throw new JimsError(
      'llm_input_invalid',
      `The schema has no JSON schema: ${why}. Take a type that JSON has, such as a string, and turn it into yours afterwards`,
      { cause },
    );
  }
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
