/** The size of a number or a flag, and of the frame of an object or an array. */
const PER_MEMBER = 25;

/**
 * Estimates how many characters of memory a JSON object takes, nested values included. For limits:
 * `JSON.stringify` would cost more.
 */
export function jsonSize(object: object): number {
  let size = PER_MEMBER;
  let nested: object[] | undefined;

  function count(member: unknown): void {
    if (typeof member === 'string') {
      size += member.length;
      return;
    }
    size += PER_MEMBER;
    if (typeof member === 'object' && member !== null) (nested ??= []).push(member);
  }

  for (let next: object | undefined = object; next; next = nested?.pop()) {
    if (Array.isArray(next)) {
      next.forEach(count);
      continue;
    }
    for (const name of Object.keys(next)) {
      const member: unknown = Reflect.get(next, name);
      size += name.length;
      count(member);
    }
  }
  return size;
}
