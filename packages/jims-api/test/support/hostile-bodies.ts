// Bodies that a client sends to see what gives way, made from the JSON Schema of a request.

type Schema = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];

/** A body by the name of what is wrong with it. */
export interface HostileBody {
  readonly name: string;
  /** JSON, or what looks like it. */
  readonly text: (size: Size) => string;
}

/** The most that a body has of something. */
export interface Size {
  readonly bytes: number;
  /** However deep. */
  readonly values: number;
  /** Different names of members. */
  readonly names: number;
}

/** A value that is too much where it stands. */
interface Filling {
  readonly name: string;
  /** What it needs to be wrong: a member of this type, or any place. */
  readonly for: 'array' | 'object' | 'string' | 'anything';
  readonly text: (size: Size, items: Items) => string;
}

/** What a list may hold. */
interface Items {
  readonly right: unknown;
  readonly most: number;
}

const FILLINGS: readonly Filling[] = [
  { name: 'wrong items', for: 'array', text: (size) => listOf(0, size) },
  { name: 'empty items', for: 'array', text: (size) => listOf({}, size) },
  { name: 'right items', for: 'array', text: (size, { right }) => listOf(right, size) },
  {
    name: 'as many right items as may be',
    for: 'array',
    text: (_, { right, most }) => JSON.stringify(Array.from({ length: most }, () => right)),
  },
  { name: 'members', for: 'object', text: (size) => `{${numbered('"k', '":0', size)}}` },
  { name: 'a long member', for: 'object', text: ({ bytes }) => `{"k":"${'x'.repeat(bytes)}"}` },
  { name: 'long', for: 'string', text: ({ bytes }) => `"${'x'.repeat(bytes)}"` },
  { name: 'hyphens', for: 'string', text: ({ bytes }) => `"${'-'.repeat(bytes)}"` },
  { name: 'lists', for: 'string', text: (size) => listOf([], size) },
  { name: 'deep', for: 'anything', text: ({ bytes }) => '['.repeat(bytes) },
  { name: 'long numbers', for: 'anything', text: (size) => `[${repeated('1'.repeat(17), size)}]` },
  {
    name: 'exact numbers',
    for: 'anything',
    text: (size) => `[${repeated('1152921504606846976', size)}]`,
  },
  { name: 'one number', for: 'anything', text: ({ bytes }) => '1'.repeat(bytes) },
  {
    name: 'escapes',
    for: 'anything',
    text: ({ bytes }) => `"${'\\ud83d\\ude00'.repeat(bytes / 12)}"`,
  },
  {
    name: 'names',
    for: 'anything',
    text: (size) => `[${numbered('{"a name of its own ', '":0}', size)}]`,
  },
  { name: 'no end', for: 'anything', text: ({ bytes }) => `"${'\\"'.repeat(bytes / 2)}` },
];

/** Beside the members that a body has. */
const MORE: readonly HostileBody[] = [
  { name: 'members', text: (size) => numbered('"k', '":0', size) },
  { name: 'one member, often', text: (size) => repeated('"k":0', size) },
];

/** Instead of a body. */
const INSTEAD: readonly HostileBody[] = [
  { name: 'a list', text: (size) => listOf(0, size) },
  {
    name: 'JSON in JSON',
    text: (size) =>
      JSON.stringify(`{${numbered('"k', '":0', { ...size, bytes: size.bytes / 2 })}}`),
  },
];

/** Stands in a body for the text that is put there. */
const HOLE = '@@hole@@';

/** Bodies for a schema of an OpenAPI document, each with one thing that is out of bounds. */
export function hostileBodies(document: Schema, schema: Schema): readonly HostileBody[] {
  const reader = new SchemaReader(document);
  const sound = reader.example(schema);
  const places = reader.places(schema);
  // Where nothing is read of a body, it is enough that it is large.
  const kinds = places.length > 0 ? FILLINGS : FILLINGS.filter(({ name }) => name === 'deep');
  const filled = kinds.flatMap((filling): HostileBody[] => {
    const found =
      filling.for === 'anything'
        ? [{ path: ['unknown'], at: {} }]
        : places.filter(({ at }) => typesOf(at).includes(filling.for));
    // Texts and objects all at once, and lists one by one, as each is walked in a way of its own.
    const groups = filling.for === 'array' ? found.map((each) => [each]) : [found];
    return groups.flatMap((group): HostileBody[] => {
      const [first] = group;
      if (first === undefined) return [];
      const right = reader.example(reader.item(first.at));
      const most = Number(first.at['maxItems'] ?? 1);
      const holes = group.reduce((body, { path }) => put(body, path, HOLE), sound);
      const name = `${group.length === 1 ? first.path.join('.') : 'all'}: ${filling.name}`;
      const text = (size: Size): string => {
        const part = filling.text(shareOf(size, group.length), { right, most });
        return JSON.stringify(holes).replaceAll(`"${HOLE}"`, () => part);
      };
      return [{ name, text }];
    });
  });
  const more = MORE.map(({ name, text }) => ({
    name,
    text: (size: Size) =>
      JSON.stringify({ ...asObject(sound), last: HOLE }).replace(`"last":"${HOLE}"`, () =>
        text(size),
      ),
  }));
  return [...filled, ...more, ...INSTEAD];
}

function shareOf({ bytes, values, names }: Size, count: number): Size {
  return { bytes: Math.floor(bytes / count), values: Math.floor(values / count), names };
}

function listOf(item: unknown, { values, ...size }: Size): string {
  return `[${repeated(JSON.stringify(item), { ...size, values: values / valuesIn(item) })}]`;
}

/** The same item again and again, with commas between. */
function repeated(item: string, { bytes, values }: Size): string {
  const count = Math.min(bytes / (item.length + 1), values);
  return `${item},`.repeat(Math.ceil(count)).slice(0, -1);
}

/** Items that differ by a number, with commas between. */
function numbered(before: string, after: string, { bytes, names }: Size): string {
  const items: string[] = [];
  for (let length = 0; length < bytes && items.length < names;) {
    const item = `${before}${items.length}${after}`;
    items.push(item);
    length += item.length + 1;
  }
  return items.join();
}

function valuesIn(value: unknown): number {
  return Object.values(asObject(value)).reduce((sum: number, each) => sum + valuesIn(each), 1);
}

/** The value with another one at a path; what is on the way and not there is made. */
function put(value: unknown, path: Path, other: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return other;
  if (typeof first === 'number') return [put(Array.isArray(value) ? value[0] : {}, rest, other)];
  const object = asObject(value);
  return { ...object, [first]: put(object[first], rest, other) };
}

interface Place {
  readonly path: Path;
  readonly at: Schema;
}

/** What a sound body has in members that have the same meaning in all protocols. */
const EXAMPLES: Readonly<Record<string, unknown>> = { jsonrpc: '2.0', text: 'hello' };
const SENDERS: ReadonlySet<unknown> = new Set(['user', 'ROLE_USER']);

class SchemaReader {
  readonly #document: Schema;

  constructor(document: Schema) {
    this.#document = document;
  }

  /** A value that the schema takes, with what it must have and no more. */
  example(given: Schema): unknown {
    const schema = this.#resolved(given);
    const { const: constant, enum: options, required } = schema;
    if (constant !== undefined) return constant;
    if (Array.isArray(options)) return options.find((each) => SENDERS.has(each)) ?? options[0];
    switch (typesOf(schema)[0]) {
      case 'array':
        return [this.example(this.item(schema))];
      case 'object': {
        const names: readonly unknown[] = Array.isArray(required) ? required : [];
        const wanted = this.#members(schema).filter(
          ([name]) => names.includes(name) || name in EXAMPLES || name === 'role',
        );
        return Object.fromEntries(
          wanted.map(([name, member]) => [name, EXAMPLES[name] ?? this.example(member)]),
        );
      }
      case 'number':
      case 'integer':
        return 1;
      case 'boolean':
        return false;
      default:
        return 'user';
    }
  }

  /** The schema of the items of a list. */
  item(schema: Schema): Schema {
    return this.#resolved(asObject(schema['items']));
  }

  /** Every member, also of the items of lists. */
  places(given: Schema, path: Path = []): readonly Place[] {
    const schema = this.#resolved(given);
    const inItems = typesOf(schema).includes('array')
      ? this.places(this.item(schema), [...path, 0]).slice(1)
      : [];
    const inMembers = this.#members(schema).flatMap(([name, member]) =>
      this.#alternatives(member).flatMap((each) => this.places(each, [...path, name])),
    );
    return [{ path, at: schema }, ...inItems, ...inMembers].filter(
      (place) => place.path.length > 0 || path.length > 0,
    );
  }

  #members({ properties }: Schema): readonly (readonly [string, Schema])[] {
    return Object.entries(asObject(properties)).map(([name, member]) => [name, asObject(member)]);
  }

  #alternatives(given: Schema): readonly Schema[] {
    const schema = this.#referred(given);
    const { anyOf } = schema;
    return Array.isArray(anyOf)
      ? anyOf.flatMap((each) => this.#alternatives(asObject(each)))
      : [schema];
  }

  #resolved(given: Schema): Schema {
    return this.#alternatives(given)[0] ?? given;
  }

  #referred(schema: Schema): Schema {
    const { $ref: ref } = schema;
    if (typeof ref !== 'string') return schema;
    let found: unknown = this.#document;
    for (const part of ref.split('/').slice(1)) found = asObject(found)[part];
    return this.#referred(asObject(found));
  }
}

function typesOf({ type }: Schema): readonly unknown[] {
  return Array.isArray(type) ? type : [type];
}

function asObject(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
