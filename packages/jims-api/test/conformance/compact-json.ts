/**
 * JSON without spaces, members sorted by code point: one text for one value, whichever language
 * wrote it. (`JSON.stringify` alone puts members that look like numbers first.)
 */
export function compactJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(compactJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, member]) => `${JSON.stringify(name)}:${compactJson(member)}`);
  return `{${members.join(',')}}`;
}
