import type { Metrics } from 'jims-core';

import { HttpError } from './errors.ts';

/** The open streams of this process, no more than it may have. */
export interface Streams {
  /**
   * Takes a place; gives what returns it, once.
   *
   * @throws HttpError 503 `too_many_streams`.
   */
  enter(): () => void;
}

export function createStreams(max: number, metrics: Metrics): Streams {
  let open = 0;
  metrics.gauge('jims_streams_open', 'Streams that clients read', () => open);
  return {
    enter() {
      if (open >= max) {
        metrics.countRefusal('too_many_streams');
        throw new HttpError(503, 'Too many streams are open: try again later', {
          code: 'too_many_streams',
          headers: { 'retry-after': '1' },
        });
      }
      open++;
      let left = false;
      return () => {
        if (!left) open--;
        left = true;
      };
    },
  };
}
