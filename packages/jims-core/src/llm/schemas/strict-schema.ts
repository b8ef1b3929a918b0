import { objectOf } from '../foreign-json.ts';
import { mapSchemas } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';

/**
 * A schema in the form that OpenAI's strict mode takes. There every property is required, and objects
 * are closed. So an optional property may be null instead, and `dropNulls` removes the nulls from the
 * answer. Strict mode refuses keywords that it does not know: they become part of the description, as
 * the answer is checked with the original schema anyway.
 */
export function strictSchema(schema: JsonSchema): JsonSchema {
  const known = referenceAlone(knownKeywords(withType(singleReference(schema))));
  const strict = mapSchemas(known, strictSchema);
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

/**
 * Whether strict mode has a form for a schema. It has none for an open object such as a record, a value
 * of any type, a tuple, an intersection.
 */
export function canBeStrict(schema: JsonSchema): boolean {
  const { type, properties, items, allOf, prefixItems } = schema;
  if (isOpen(schema) || Array.isArray(items) || prefixItems !== undefined) return false;
  if (Array.isArray(allOf) && allOf.length !== 1) return false;
  if (typesOf(type).includes('object') && !objectOf(properties)) return false;
  if (typesOf(type).includes('array') && !objectOf(items)) return false;
  if (!DESCRIBING.some((key) => withType(schema)[key] !== undefined)) return false;
  let all = true;
  mapSchemas(knownKeywords({ ...schema, additionalProperties: false }), (child) => {
    all &&= canBeStrict(child);
    return child;
  });
  return all;
}

/** A schema that is sent as it is, without the patterns that no server supports. */
export function withoutLookaround(schema: JsonSchema): JsonSchema {
  const { pattern, ...others } = mapSchemas(schema, withoutLookaround);
  return typeof pattern === 'string' && !LOOKAROUND.test(pattern) ? { ...others, pattern } : others;
}

/** Removes the nulls that a model wrote for optional properties. */
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

/** Strict mode wants one of these in every schema. */
const DESCRIBING = ['type', '$ref', 'anyOf', 'oneOf', 'allOf'] as const;
const KNOWN = keywords(
  'type enum const title description $ref $defs definitions anyOf properties required additionalProperties',
  'items minItems maxItems minimum maximum exclusiveMinimum exclusiveMaximum multipleOf',
);
const FORMATS: ReadonlySet<unknown> = keywords(
  'date-time time date duration email hostname ipv4 ipv6 uuid',
);
/** Unknown keywords that go into the description. */
const DESCRIBED = keywords('format pattern minLength maxLength uniqueItems examples');
const LOOKAROUND = /\(\?(?:[=!]|<[=!])/;

function keywords(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(' ')));
}

function knownKeywords(schema: JsonSchema): JsonSchema {
  const known: Record<string, unknown> = {};
  const hints: string[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (isKnown(key, value)) known[key === 'oneOf' ? 'anyOf' : key] = value;
    else if (DESCRIBED.has(key)) hints.push(`${key}: ${JSON.stringify(value)}`);
  }
  if (hints.length === 0) return known;
  const { description } = known;
  const words = [description, ...hints].filter((each) => typeof each === 'string');
  return { ...known, description: words.join('; ') };
}

function isKnown(key: string, value: unknown): boolean {
  if (key === 'format') return FORMATS.has(value);
  if (key === 'pattern') return typeof value === 'string' && !LOOKAROUND.test(value);
  // `singleReference` has replaced an `allOf` of one; `canBeStrict` refuses others.
  return key === 'oneOf' || key === 'allOf' || KNOWN.has(key);
}

/** Strict mode allows nothing beside a reference. Its description goes around it. */
function referenceAlone(schema: JsonSchema): JsonSchema {
  const { $ref, description, definitions, $defs } = schema;
  if ($ref === undefined) return schema;
  return {
    ...(description === undefined ? { $ref } : { anyOf: [{ $ref }], description }),
    ...(definitions !== undefined && { definitions }),
    ...($defs !== undefined && { $defs }),
  };
}

/** Some libraries write a reference with a description as an intersection of one. */
function singleReference(schema: JsonSchema): JsonSchema {
  const { allOf, ...others } = schema;
  const only = Array.isArray(allOf) && allOf.length === 1 ? objectOf(allOf[0]) : undefined;
  return only ? { ...only, ...others } : schema;
}

/** Some libraries leave out a type that the values show. */
function withType(schema: JsonSchema): JsonSchema {
  const { type, enum: values, const: only } = schema;
  if (type !== undefined || (values === undefined && only === undefined)) return schema;
  const types = new Set((Array.isArray(values) ? values : [only]).map(typeOf));
  return { type: types.size === 1 ? [...types][0] : [...types], ...schema };
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function typesOf(type: unknown): readonly unknown[] {
  return Array.isArray(type) ? type : [type];
}

/** Whether an object may have properties of any name, with values of one kind. */
function isOpen({ additionalProperties: others, patternProperties }: JsonSchema): boolean {
  return Object.keys(objectOf(others) ?? {}).length > 0 || patternProperties !== undefined;
}

function leavesOut(schema: JsonSchema, name: string, root: JsonSchema): boolean {
  const property = propertyOf(schema, name);
  return property !== undefined && !requiredOf(schema).has(name) && !takesNull(property, root);
}

function takesNull(schema: JsonSchema, root: JsonSchema): boolean {
  return optionsOf(schema, root).some(
    ({ type, enum: values, const: only }) =>
      typesOf(type).includes('null') ||
      only === null ||
      (Array.isArray(values) && values.includes(null)),
  );
}

/** A schema and those that it refers to or consists of: any of them may describe the value. */
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
  const path = ref.slice(1).split('/').filter(Boolean).map(unescaped);
  return path.reduce<unknown>((at, name) => objectOf(at)?.[name], root);
}

/** Decodes a name in a JSON pointer. */
function unescaped(name: string): string {
  return decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~');
}

function propertyOf(schema: JsonSchema, name: string): JsonSchema | undefined {
  return objectOf(objectOf(schema['properties'])?.[name]);
}

function requiredOf({ required }: JsonSchema): ReadonlySet<unknown> {
  return new Set(Array.isArray(required) ? required : []);
}
