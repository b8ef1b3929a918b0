/**
 * Finds what JSON would lose or change in a value: `undefined` in a list, a `Date`, a `Map`, an object
 * of a class, `NaN`, `-0`, a BigInt, a cycle. Gives where it is, or `undefined` for plain JSON.
 * Members that are `undefined` are as good as absent.
 *
 * @example notPlain({ at: new Date() }); // '.at is a Date'
 */
export function notPlain(value: unknown): string | undefined {
  const open = new Set<object>();

  function look(each: unknown, path: string): string | undefined {
    switch (typeof each) {
      case 'string':
      case 'boolean':
        return undefined;
      case 'number':
        if (Number.isFinite(each) && !Object.is(each, -0)) return undefined;
        return `${path} is ${Object.is(each, -0) ? '-0' : each}`;
      case 'object':
        return each === null ? undefined : inside(each, path);
      default:
        return `${path} is ${nameOf(each)}`;
    }
  }

  function inside(each: object, path: string): string | undefined {
    if (open.has(each)) return `${path} is part of itself`;
    const prototype: unknown = Object.getPrototypeOf(each);
    const isList = Array.isArray(each);
    if (!isList && prototype !== Object.prototype && prototype !== null) {
      return `${path} is a ${each.constructor?.name || 'object of a class'}`;
    }
    open.add(each);
    const fault = isList ? inList(each, path) : inMembers(each, path);
    open.delete(each);
    return fault;
  }

  function inList(list: readonly unknown[], path: string): string | undefined {
    for (let index = 0; index < list.length; index++) {
      const fault = look(list[index], `${path}[${index}]`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  function inMembers(object: object, path: string): string | undefined {
    for (const [name, member] of Object.entries(object)) {
      if (member === undefined) continue;
      const fault = look(member, `${path}.${name}`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  return value === undefined ? undefined : look(value, '')?.trimStart();
}

function nameOf(value: unknown): string {
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
}
