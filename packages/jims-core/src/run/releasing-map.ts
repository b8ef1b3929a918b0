/**
 * A map of large things that come and go often, of which V8 keeps nothing that is removed. In a `Map` each removal
 * leaves less room, until V8 makes another table and ties the one before to it. One old table so holds all that was
 * ever in the tables since, until the next full collection: each young collection copies it.
 */
export class ReleasingMap<TKey, TValue> {
  readonly #entries = new Map<TKey, { value: TValue | undefined }>();

  get(key: TKey): TValue | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: TKey, value: TValue): void {
    this.delete(key);
    this.#entries.set(key, { value });
  }

  delete(key: TKey): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.value = undefined;
    this.#entries.delete(key);
  }

  /** In the order in which they were set. */
  *values(): Generator<TValue, void, void> {
    for (const { value } of this.#entries.values()) if (value !== undefined) yield value;
  }
}
