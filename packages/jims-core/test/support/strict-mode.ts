/** What OpenAI's strict mode would refuse in a schema, by the rules of its documentation. */
export function strictModeProblem(schema: unknown): string | undefined {
  return problemIn(schema, schema, '#');
}

const KEYWORDS = new Set(
  'type enum const title description $ref $defs definitions anyOf properties required additionalProperties items minItems maxItems minimum maximum exclusiveMinimum exclusiveMaximum multipleOf pattern format'.split(
    ' ',
  ),
);
const FORMATS = 'date-time time date duration email hostname ipv4 ipv6 uuid'.split(' ');

type Schema = Readonly<Record<string, unknown>>;

function problemIn(schema: unknown, root: unknown, at: string): string | undefined {
  if (typeof schema !== 'object' || schema === null) return `${at}: not a schema`;
  const all = schema as Schema;
  const unknown = Object.keys(all).find((key) => !KEYWORDS.has(key));
  if (unknown !== undefined) return `${at}: '${unknown}' is not permitted`;
  if ('$ref' in all) return referenceProblem(all, root, at);
  const { format, pattern } = all;
  if (format !== undefined && !FORMATS.some((each) => each === format)) {
    return `${at}: ${JSON.stringify(format)} is not a valid format`;
  }
  if (/\(\?<?[=!]/.test(JSON.stringify(pattern) ?? ''))
    return `${at}: regex lookaround is not supported`;
  if (!('type' in all) && !('anyOf' in all)) return `${at}: schema must have a 'type' key`;
  return objectProblem(all, at) ?? childProblem(all, root, at);
}

function referenceProblem(all: Schema, root: unknown, at: string): string | undefined {
  const beside = Object.keys(all).filter((key) => !['$ref', '$defs', 'definitions'].includes(key));
  if (beside.length > 0) return `${at}: $ref cannot have keywords ${beside.join()}`;
  const reference = JSON.stringify(all['$ref']);
  const path = reference.slice(2, -1).split('/').filter(Boolean);
  const target = path.reduce<unknown>((value, name) => (value as Schema | undefined)?.[name], root);
  return target === undefined ? `${at}: ${reference} leads to nothing` : undefined;
}

function objectProblem(all: Schema, at: string): string | undefined {
  const types = new Set([all['type']].flat());
  if (types.has('array') && typeof all['items'] !== 'object') return `${at}: no items`;
  if (!types.has('object')) return undefined;
  if (all['additionalProperties'] !== false) return `${at}: 'additionalProperties' must be false`;
  const names = Object.keys(all['properties'] ?? {});
  const required = (all['required'] ?? []) as readonly string[];
  const missing = names.find((name) => !required.includes(name));
  return missing === undefined ? undefined : `${at}: Missing '${missing}' in required`;
}

function childProblem(all: Schema, root: unknown, at: string): string | undefined {
  const named = ['properties', '$defs', 'definitions'].flatMap((key) =>
    Object.entries((all[key] ?? {}) as Schema).map(
      ([name, each]) => [`${key}/${name}`, each] as const,
    ),
  );
  const listed = Object.entries(all['anyOf'] ?? []);
  const items = 'items' in all ? [['items', all['items']] as const] : [];
  for (const [name, child] of [...named, ...listed, ...items]) {
    const problem = problemIn(child, root, `${at}/${name}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
