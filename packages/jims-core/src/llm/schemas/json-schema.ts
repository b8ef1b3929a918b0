import type { JSONSchema7 } from '@ai-sdk/provider';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type * as ValibotSchemas from '@valibot/to-json-schema';
import type { toJsonSchema } from '@valibot/to-json-schema';

import { JimsError } from '../../errors/jims-error.ts';
import { optionalPackage } from '../../errors/optional-package.ts';
import { objectOf } from '../foreign-json.ts';

/** A schema of zod, valibot, arktype, …, which describes an answer to the model and checks it. */
export type AnswerSchema<T> = StandardSchemaV1<unknown, T>;

/** JSON schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Whether a value is a schema of a library, and not plain JSON schema. */
export function isSchemaObject(value: unknown): value is AnswerSchema<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    '~standard' in value
  );
}

/**
 * The JSON schema of the values that a schema takes.
 *
 * @throws JimsError `llm_input_invalid` when JSON schema cannot describe them.
 */
export async function jsonSchemaOf(schema: AnswerSchema<unknown>): Promise<JsonSchema> {
  if (!isSchemaObject(schema)) {
    throw new JimsError(
      'llm_input_invalid',
      'The schema must be one of zod, valibot, arktype, …, which also checks the answer: plain JSON schema does not',
    );
  }
  const { vendor } = schema['~standard'];
  if (describesItself(schema)) {
    const { jsonSchema } = schema['~standard'];
    return described(() => jsonSchema.input({ target: 'draft-07' }));
  }
  if (vendor === 'valibot') return jsonSchemaOfValibot(schema);
  const reason = `Schemas of ${vendor} have no JSON schema: use one of zod, valibot or arktype`;
  throw new JimsError('llm_input_invalid', reason);
}

async function jsonSchemaOfValibot(schema: AnswerSchema<unknown>): Promise<JsonSchema> {
  const valibot = await optionalPackage<typeof ValibotSchemas>(
    '@valibot/to-json-schema',
    'A valibot schema',
  );
  if (!isValibot(schema)) throw new JimsError('llm_input_invalid', 'This is not a valibot schema');
  return described(() => ({
    ...valibot.toJsonSchema(schema, {
      // The app's own checks have no JSON schema, and need none.
      errorMode: 'ignore',
      typeMode: 'input',
      overrideSchema({ valibotSchema: { type } }) {
        if (NOT_JSON.has(type)) throw new Error(`${type} cannot be represented in JSON Schema`);
        return undefined;
      },
    }),
  }));
}

/** Types that valibot would describe as any value. */
const NOT_JSON: ReadonlySet<string> = new Set(
  'bigint blob date file function instance map nan promise set symbol undefined void'.split(' '),
);

/** Libraries throw errors of their own for a type that JSON does not have, such as a date. */
function described(describe: () => JsonSchema): JsonSchema {
  try {
    return describe();
  } catch (cause) {
    const reason = Error.isError(cause) ? cause.message : String(cause);
    throw new JimsError(
      'llm_input_invalid',
      `The schema has no JSON schema: ${reason}. Use a type that JSON has, such as a string, and convert it afterwards`,
      { cause },
    );
  }
}

/** The schema with the AI SDK's type. */
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

/** Keywords whose value is a schema, or a list of schemas. */
const SCHEMAS: ReadonlySet<string> = new Set([
  'items',
  'prefixItems',
  'additionalItems',
  'additionalProperties',
  'anyOf',
  'oneOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
]);
/** Keywords with schemas by name. A name may look like a keyword. */
const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
]);

/** A copy of a schema in which each direct sub-schema is replaced. Everything else stays. */
export function mapSchemas(schema: JsonSchema, map: (child: JsonSchema) => JsonSchema): JsonSchema {
  const one = (value: unknown): unknown => {
    const child = objectOf(value);
    return child ? map(child) : value;
  };
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]): [string, unknown] => {
      if (SCHEMAS.has(key)) return [key, Array.isArray(value) ? value.map(one) : one(value)];
      const named = NAMED.has(key) ? objectOf(value) : undefined;
      if (!named) return [key, value];
      const mapped = Object.entries(named).map(([name, each]) => [name, one(each)]);
      return [key, Object.fromEntries(mapped)];
    }),
  );
}
