/** The trace of one attempt of a run, as JSON text. */
export interface StoredTrace {
  readonly runId: string;
  readonly threadId: string;
  readonly attempt: number;
  readonly json: string;
}

/**
 * Where traces are kept: the last ones, and as much of them as there is room for. It never throws, as no
 * run may fail because its trace cannot be kept.
 */
export interface TraceStore {
  /** Keeps a trace; one of the same attempt is replaced. */
  put(trace: StoredTrace): void;
  get(runId: string, attempt: number): string | undefined;
  /** The attempts of a run that are kept, in order. */
  attempts(runId: string): readonly number[];
  /** Forgets the traces of threads that are erased. */
  drop(threadIds: readonly string[]): void;
  close(): void;
}

/** How much is kept. */
export interface TraceBounds {
  readonly traces: number;
  /** Characters of JSON. */
  readonly size: number;
}

/** Keeps traces in memory. */
export class MemoryTraces implements TraceStore {
  readonly #bounds: TraceBounds;
  /** Oldest first. */
  readonly #traces = new Map<string, StoredTrace>();
  #size = 0;

  constructor(bounds: TraceBounds) {
    this.#bounds = bounds;
  }

  put(trace: StoredTrace): void {
    const key = keyOf(trace);
    this.#remove(key);
    this.#traces.set(key, trace);
    this.#size += trace.json.length;
    const { traces, size } = this.#bounds;
    for (const oldest of this.#traces.keys()) {
      if (this.#traces.size <= traces && this.#size <= size) break;
      this.#remove(oldest);
    }
  }

  get(runId: string, attempt: number): string | undefined {
    return this.#traces.get(keyOf({ runId, attempt }))?.json;
  }

  attempts(runId: string): readonly number[] {
    return [...this.#traces.values()]
      .filter((trace) => trace.runId === runId)
      .map(({ attempt }) => attempt)
      .toSorted((a, b) => a - b);
  }

  drop(threadIds: readonly string[]): void {
    const gone = new Set(threadIds);
    for (const [key, { threadId }] of this.#traces) if (gone.has(threadId)) this.#remove(key);
  }

  close(): void {
    this.#traces.clear();
    this.#size = 0;
  }

  #remove(key: string): void {
    const trace = this.#traces.get(key);
    if (!trace) return;
    this.#traces.delete(key);
    this.#size -= trace.json.length;
  }
}

function keyOf({ runId, attempt }: Pick<StoredTrace, 'runId' | 'attempt'>): string {
  return `${runId}/${attempt}`;
}
