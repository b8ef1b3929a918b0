import type { JsonSchema } from './json-schema.ts';

/**
 * OpenAI's strict mode wants every property required, and objects closed. So an optional property
 * becomes one that may be null, and `dropNulls` takes the nulls out of the answer again.
 */
export function strictSchema(schema: JsonSchema): JsonSchema {
  const strict: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (DROPPED.has(key)) continue;
    strict[key === 'oneOf' ? 'anyOf' : key] = NAMED.has(key) ? named(value) : nested(key, value);
  }
  const properties = objectOf(strict['properties']);
  if (!properties) return strict;
  const required = requiredOf(schema);
  return {
    ...strict,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [
        name,
        required.has(name) ? property : { anyOf: [property, { type: 'null' }] },
      ]),
    ),
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

/** False for a schema with an open object, such as a record: strict mode has no such thing. */
export function canBeStrict(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(canBeStrict);
  const object = objectOf(schema);
  if (!object) return true;
  const open = object['type'] === 'object' && !objectOf(object['properties']);
  return !open && Object.values(object).every(canBeStrict);
}

/** Takes out the nulls that stand for an optional property that was left out. */
export function dropNulls(value: unknown, schema: JsonSchema, root: JsonSchema = schema): unknown {
  const options = optionsOf(schema, root);
  if (Array.isArray(value)) {
    const items = options.map((option) => objectOf(option['items'])).find((each) => each);
    return items ? value.map((item) => dropNulls(item, items, root)) : value;
  }
  const object = objectOf(value);
  if (!object) return value;
  return Object.fromEntries(
    Object.entries(object)
      .filter(
        ([name, member]) => member !== null || !options.some((each) => leavesOut(each, name, root)),
      )
      .map(([name, member]) => {
        const property = options.map((each) => propertyOf(each, name)).find((each) => each);
        return [name, property ? dropNulls(member, property, root) : member];
      }),
  );
}

const DROPPED: ReadonlySet<string> = new Set(['$schema', 'default', '~standard']);
/** Keywords whose values are schemas by name, where a name may be that of a keyword. */
const NAMED: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions']);
const NESTED: ReadonlySet<string> = new Set(['items', 'anyOf', 'oneOf', 'allOf', 'prefixItems']);

function nested(key: string, value: unknown): unknown {
  if (!NESTED.has(key)) return value;
  if (Array.isArray(value)) return value.map((each) => nested(key, each));
  const schema = objectOf(value);
  return schema ? strictSchema(schema) : value;
}

function named(value: unknown): unknown {
  const schemas = objectOf(value);
  if (!schemas) return value;
  return Object.fromEntries(
    Object.entries(schemas).map(([name, each]) => [name, nested('items', each)]),
  );
}

function leavesOut(schema: JsonSchema, name: string, root: JsonSchema): boolean {
  const property = propertyOf(schema, name);
  return property !== undefined && !requiredOf(schema).has(name) && !takesNull(property, root);
}

function takesNull(schema: JsonSchema, root: JsonSchema): boolean {
  return optionsOf(schema, root).some(({ type, enum: values, const: only }) => {
    const types: unknown[] = Array.isArray(type) ? type : [type];
    return (
      types.includes('null') || only === null || (Array.isArray(values) && values.includes(null))
    );
  });
}

/** A schema and what it refers to or consists of: any of them may describe the value. */
function optionsOf(schema: JsonSchema, root: JsonSchema, depth = 0): readonly JsonSchema[] {
  if (depth > 8) return [schema];
  const parts = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => {
    const value = schema[key];
    return Array.isArray(value) ? value : [];
  });
  return [schema, referred(schema['$ref'], root), ...parts]
    .map((each) => objectOf(each))
    .filter((each) => each !== undefined)
    .flatMap((each) => (each === schema ? [each] : optionsOf(each, root, depth + 1)));
}

function referred(ref: unknown, root: JsonSchema): unknown {
  if (typeof ref !== 'string' || !ref.startsWith('#')) return undefined;
  const path = ref.slice(1).split('/').filter(Boolean);
  return path.reduce<unknown>((at, name) => objectOf(at)?.[name], root);
}

function propertyOf(schema: JsonSchema, name: string): JsonSchema | undefined {
  return objectOf(objectOf(schema['properties'])?.[name]);
}

function requiredOf({ required }: JsonSchema): ReadonlySet<unknown> {
  return new Set(Array.isArray(required) ? required : []);
}

function objectOf(value: unknown): JsonSchema | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return { ...value };
}
