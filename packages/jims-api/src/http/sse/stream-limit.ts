import type { Metrics } from 'jims-core';
import { createCallerShares, defaultShare } from 'jims-core/host';

import { HttpError } from '../errors.ts';

/** The open streams of an API, and how many it may have. */
export interface Streams {
  /**
   * Counts a stream, also for its contact if it has one. Returns a function that ends the counting;
   * calling it again does nothing.
   *
   * @throws HttpError 503 `too_many_streams`, or 429 `too_many_streams_of_caller` when this contact
   * has its share of them.
   */
  enter(caller: string | undefined): () => void;
}

export interface StreamsOptions {
  readonly maxStreams: number;
  /** Default a tenth of `maxStreams`. */
  readonly maxStreamsPerCaller: number | undefined;
  readonly metrics: Metrics;
}

/** The open streams of all APIs of an app: they share its metrics. */
const openByApp = new WeakMap<Metrics, { open: number }>();

export function createStreams({
  maxStreams,
  maxStreamsPerCaller = defaultShare(maxStreams),
  metrics,
}: StreamsOptions): Streams {
  const ofApp = openOf(metrics);
  const shares = createCallerShares(maxStreamsPerCaller);
  let open = 0;

  function refuse(status: number, code: string, message: string): never {
    metrics.countRefusal(code);
    throw new HttpError(status, message, { code, headers: { 'retry-after': '1' } });
  }

  return {
    enter(caller) {
      if (open >= maxStreams) {
        refuse(503, 'too_many_streams', 'Too many streams are open: try again later');
      }
      if (shares.isFull(caller)) {
        const message = 'Too many streams of this contact are open: close one, or try again later';
        refuse(429, 'too_many_streams_of_caller', message);
      }
      open++;
      ofApp.open++;
      shares.enter(caller);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        open--;
        ofApp.open--;
        shares.leave(caller);
      };
    },
  };
}

function openOf(metrics: Metrics): { open: number } {
  const known = openByApp.get(metrics);
  if (known) return known;
  const fresh = { open: 0 };
  openByApp.set(metrics, fresh);
  metrics.gauge('jims_streams_open', 'Streams that clients read', () => fresh.open);
  return fresh;
}
