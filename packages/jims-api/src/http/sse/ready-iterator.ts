/** An async iterator that may also give what is there already without a promise. */
export interface ReadyIterator<T> extends AsyncIterator<T, void, void> {
  /** The next item if it is there; `undefined` if not, or at the end. */
  takeReady?(): T | undefined;
}

export interface ReadyIterable<T> {
  [Symbol.asyncIterator](): ReadyIterator<T>;
}

export interface ExpansionOptions<Out> {
  /** What comes before everything else. */
  readonly first?: Iterable<Out>;
  /** Whether nothing comes after an item, whatever the source still has. */
  readonly isLast?: (item: Out) => boolean;
}

/**
 * The items of a source, each replaced by any number of others, which are made when they are taken.
 * No async generator: every piece of every stream comes through here, some times.
 */
export class Expansion<In, Out> implements ReadyIterator<Out>, ReadyIterable<Out> {
  readonly #source: ReadyIterator<In>;
  readonly #expand: (item: In) => Iterable<Out>;
  readonly #isLast: ((item: Out) => boolean) | undefined;
  /** What is left of the item that was taken last: of an array its rest, as most have one thing in them. */
  #items: Iterator<Out> | undefined;
  #list: readonly Out[] = [];
  #next = 0;
  #isOver = false;

  constructor(
    source: ReadyIterable<In>,
    expand: (item: In) => Iterable<Out>,
    { first = [], isLast }: ExpansionOptions<Out> = {},
  ) {
    this.#source = source[Symbol.asyncIterator]();
    this.#expand = expand;
    this.#isLast = isLast;
    this.#begin(first);
  }

  takeReady(): Out | undefined {
    while (!this.#isOver) {
      const value = this.#take();
      if (value !== undefined) {
        this.#isOver = this.#isLast?.(value) === true;
        return value;
      }
      const item = this.#source.takeReady?.();
      if (item === undefined) return undefined;
      this.#begin(this.#expand(item));
    }
    return undefined;
  }

  #begin(items: Iterable<Out>): void {
    const isList = Array.isArray(items);
    this.#list = isList ? items : [];
    this.#next = 0;
    this.#items = isList ? undefined : items[Symbol.iterator]();
  }

  #take(): Out | undefined {
    if (this.#next < this.#list.length) return this.#list[this.#next++];
    const next = this.#items?.next();
    return next?.done ? undefined : next?.value;
  }

  async next(): Promise<IteratorResult<Out, void>> {
    for (;;) {
      const item = this.takeReady();
      if (item !== undefined) return { done: false, value: item };
      if (this.#isOver) return this.return();
      const { done, value } = await this.#source.next();
      if (done) return { done, value };
      this.#begin(this.#expand(value));
    }
  }

  async return(): Promise<IteratorReturnResult<void>> {
    this.#isOver = true;
    await this.#source.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
