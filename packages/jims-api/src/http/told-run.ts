import { isRunEnd } from 'jims-core';
import type { NewEvent, Run, RunEnd, RunEvent } from 'jims-core';

/**
 * A run as told from its beginning, nothing missing: of a run that is over, or that another process
 * runs, some events are known by its outcome alone; they come before its end.
 */
export async function* toldRun(run: Run): AsyncGenerator<RunEvent, void, void> {
  const told = new Set<string>();
  for await (const event of run.listen()) {
    if (event.type === 'event') told.add(event.event.id);
    if (isRunEnd(event)) {
      for (const kept of eventsOf(event)) {
        if (!told.has(kept.id)) yield { type: 'event', event: kept };
      }
    }
    yield event;
  }
}

function eventsOf(end: RunEnd): readonly NewEvent[] {
  switch (end.type) {
    case 'result':
      return end.result.events;
    case 'cancelled':
      return end.events;
    case 'error':
      return [];
  }
}
