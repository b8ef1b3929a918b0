import type { NewEvent, Run, RunEvent } from 'jims-core';

/**
 * A run as told from its beginning, nothing missing: of a run that is over, or that another process
 * runs, some events are known by its outcome alone; they come before its end.
 */
export async function* toldRun(run: Run): AsyncGenerator<RunEvent, void, void> {
  const told = new Set<string>();
  for await (const event of run.listen()) {
    if (event.type === 'event') told.add(event.event.id);
    const missing = eventsOf(event).filter(({ id }) => !told.has(id));
    for (const each of missing) yield { type: 'event', event: each };
    yield event;
  }
}

function eventsOf(event: RunEvent): readonly NewEvent[] {
  switch (event.type) {
    case 'result':
      return event.result.events;
    case 'cancelled':
      return event.events;
    default:
      return [];
  }
}
