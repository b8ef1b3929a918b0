import { setImmediate } from 'node:timers/promises';

import type { TailSource } from '../read-tail.ts';
import type { EventPosition } from '../store.ts';
import type { EventRows } from './events.ts';

/** Each piece is read synchronously: the process does nothing else meanwhile. */
export function tailSource(rows: EventRows, threadId: string): TailSource {
  return {
    newest: (piece) => rows.newest(threadId, piece),

    async statesBefore(position, except) {
      const seen = new Set(except);
      const ids: string[] = [];
      for (let before: EventPosition | undefined = position; before;) {
        await setImmediate();
        const { states, next } = rows.statesBefore(threadId, before);
        for (const { id, type } of states) {
          if (!seen.has(type)) ids.push(id);
          seen.add(type);
        }
        before = next;
      }
      return rows.byIds(threadId, ids);
    },
  };
}
