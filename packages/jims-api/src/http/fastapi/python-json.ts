import { cleanJson } from 'jims-core/host';

/**
 * JSON text as Python's `json.dumps` writes it: ", " and ": " between the parts, all that is not printable
 * ASCII as \uXXXX. Half characters and NULs become U+FFFD. Numbers are written as JavaScript writes them.
 * `null` for what JSON cannot hold; throws a TypeError, as JSON.stringify does, for a cycle or a BigInt.
 */
export function pythonJson(value: unknown): string {
  const oneLine = typeof value === 'string' ? cleanJson(value) : spaced(value);
  return oneLine.replaceAll(/[^ -~]+/g, escapeAll);
}

function spaced(value: unknown): string {
  // A line break in a string is escaped, so every one that is found here is between two parts.
  return cleanJson(value, 1).replaceAll(/,\n */g, ', ').replaceAll(/\n */g, '');
}

function escapeAll(text: string): string {
  let escaped = '';
  for (let i = 0; i < text.length; i += 1) {
    escaped += `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
