const EMPTY: Readonly<Record<string, unknown>> = {
  string: '',
  number: 0,
  integer: 0,
  boolean: true,
  array: [],
  null: null,
};

/** A value of about the form that a JSON Schema wants, for a person to change. */
export function exampleOf(schema: unknown, depth = 0): unknown {
  const {
    type,
    properties,
    required,
    default: byDefault,
    enum: words,
    const: only,
  } = membersOf(schema);
  const given = byDefault ?? only ?? (Array.isArray(words) ? words[0] : undefined);
  if (given !== undefined) return given;
  if (typeof type === 'string' && type in EMPTY) return EMPTY[type];
  const names = Array.isArray(required) ? required.map(String) : [];
  const members = membersOf(properties);
  return depth > 4
    ? {}
    : Object.fromEntries(names.map((name) => [name, exampleOf(members[name], depth + 1)]));
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return Object(value);
}
