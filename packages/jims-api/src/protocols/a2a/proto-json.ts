// Requests as ProtoJSON allows them: members may have their names of the .proto file, and null is left out.
import { isJsonObject } from '../../http/json-object.ts';

/** Members whose content is the client's own. */
const FREE: ReadonlySet<string> = new Set(['metadata', 'data']);
/** How deep requests are: params, message, parts, part. */
const DEPTH = 4;

/** Gives the members of a request their names of JSON, and leaves those out that are null. */
export function fromProtoJson(value: unknown, depth = DEPTH): unknown {
  if (depth === 0) return value;
  if (Array.isArray(value)) return value.map((item) => fromProtoJson(item, depth - 1));
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value)
    .filter(([name, member]) => member !== null || name === 'data')
    .map(([name, member]) =>
      FREE.has(name) ? [name, member] : [camelCase(name), fromProtoJson(member, depth - 1)],
    );
  return Object.fromEntries(members);
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
