import type { RunEnd, RunEvent } from './run-events.ts';

/** The live side of a run: one writer, any number of listeners, each from the beginning. */
export interface RunStream {
  push(event: RunEvent): void;
  /** Pushes the last event. Later pushes are dropped. */
  finish(end: RunEnd): void;
  /** All events so far, then the live ones, to the end. */
  listen(): AsyncGenerator<RunEvent, void, void>;
  readonly ended: boolean;
  readonly end: Promise<RunEnd>;
}

/**
 * Keeps a run's events once for all its listeners. How much that can be is bounded where the
 * pipeline sends, so a listener that does not read costs nothing and never slows the run.
 */
export function createRunStream(): RunStream {
  const events: RunEvent[] = [];
  const end = Promise.withResolvers<RunEnd>();
  let ended = false;
  let more = Promise.withResolvers<void>();

  function push(event: RunEvent): void {
    if (ended) return;
    events.push(event);
    more.resolve();
    more = Promise.withResolvers<void>();
  }

  async function* listen(): AsyncGenerator<RunEvent, void, void> {
    for (let next = 0; ;) {
      const event = events[next];
      if (event) {
        next++;
        yield event;
      } else if (ended) {
        return;
      } else {
        await more.promise;
      }
    }
  }

  return {
    push,
    listen,
    finish(last) {
      push(last);
      ended = true;
      end.resolve(last);
    },
    get ended() {
      return ended;
    },
    end: end.promise,
  };
}
