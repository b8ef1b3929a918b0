import { objectOf } from './foreign-json.ts';
import type { JsonSchema } from './json-schema.ts';

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
/** Keywords whose values are schemas by name, where a name may be that of a keyword. */
const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
]);

/** A schema with each schema in it replaced. What is not a schema stays as it is. */
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
