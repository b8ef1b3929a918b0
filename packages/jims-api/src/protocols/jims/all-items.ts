import { setImmediate } from 'node:timers/promises';

/** A part of a list, and where the next one begins, if there is one. */
export interface Items<TItem, TCursor> {
  readonly items: readonly TItem[];
  readonly next: TCursor | undefined;
}

/** Reads a list to its end, page by page, from a position on or from its beginning. Other work has its turn in between. */
export async function* allItems<TItem, TCursor>(
  readPage: (cursor: TCursor | undefined) => Promise<Items<TItem, TCursor>>,
  from?: TCursor,
): AsyncGenerator<TItem, void, void> {
  for (let cursor = from; ;) {
    const { items, next } = await readPage(cursor);
    yield* items;
    if (next === undefined) return;
    cursor = next;
    await setImmediate();
  }
}
