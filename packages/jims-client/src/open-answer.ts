import { connectionLost } from './errors.ts';

/** A file may be on its way for long, and nobody says how far it is. */
export const LONG_MS = 600_000;

/** An answer whose head is there. It is given up when it is silent for too long. */
export interface OpenAnswer extends Guard {
  readonly response: Response;
}

/** Gives up what is silent for too long. */
interface Guard {
  /** Its reason says why it was really given up. */
  readonly signal: AbortSignal;
  /** Something must come from now on, within so many milliseconds. */
  readonly watch: (ms?: number) => void;
  /** Ends the request with what is left of it. */
  readonly end: () => void;
}

export function guarded(silenceMs: number, outer: AbortSignal | undefined): Guard {
  const inner = new AbortController();
  const { signal } = inner;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const giveUp = (reason?: Error): void => {
    clearTimeout(timer);
    outer?.removeEventListener('abort', end);
    inner.abort(reason);
  };
  const end = (): void => giveUp();
  const watch = (ms = silenceMs): void => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, ms, connectionLost());
  };
  watch();
  outer?.addEventListener('abort', end);
  if (outer?.aborted) end();
  return { signal, watch, end };
}

/** Rejects when a request is given up: `fetch` of Node may forget its signal when memory is cleaned up. */
export function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

/** What a connection brings, until it ends. */
export async function* piecesOf({
  response,
  signal,
  watch,
  end,
}: OpenAnswer): AsyncGenerator<string> {
  try {
    // React Native's own fetch has no streams: it gives all of it at the end.
    if (!response.body) return yield await response.text();
    const reader = response.body.getReader();
    signal.addEventListener('abort', () => void reader.cancel().catch(() => {}));
    const decoder = new TextDecoder();
    for (let read; !(read = await reader.read()).done; watch()) {
      // What is done with it may take long.
      watch(LONG_MS);
      yield decoder.decode(read.value, { stream: true });
    }
    signal.throwIfAborted();
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    end();
  }
}

export async function textOf(answer: OpenAnswer): Promise<string> {
  let text = '';
  for await (const piece of piecesOf(answer)) text += piece;
  return text;
}
