import { isJsonObject } from '../json-object.ts';

const MAX_CHARACTERS = 1000;
const CUT = '…';

/**
 * A JSON value to be shown in an error: as it is when its JSON is no longer than 1000 characters,
 * else its beginning, with `…` in place of what was left out.
 */
export function excerpt(value: unknown): unknown {
  return new Excerpt().take(value);
}

/** Every part costs no more than it is long as JSON, so that what fits is never cut. */
class Excerpt {
  #left = MAX_CHARACTERS;

  take(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value);
    this.#left -= 1;
    if (Array.isArray(value)) return this.#array(value);
    return isJsonObject(value) ? this.#object(value) : value;
  }

  #text(text: string): string {
    const room = Math.max(this.#left, 0);
    this.#left -= text.length;
    return text.length <= room ? text : text.slice(0, room).toWellFormed() + CUT;
  }

  #array(items: readonly unknown[]): unknown[] {
    const taken: unknown[] = [];
    for (const item of items) {
      if (this.#left <= 0) return [...taken, CUT];
      taken.push(this.take(item));
    }
    return taken;
  }

  #object(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const taken: [string, unknown][] = [];
    for (const [name, value] of Object.entries(object)) {
      if (this.#left <= 0) {
        taken.push([CUT, CUT]);
        break;
      }
      taken.push([this.#text(name), this.take(value)]);
    }
    return Object.fromEntries(taken);
  }
}
