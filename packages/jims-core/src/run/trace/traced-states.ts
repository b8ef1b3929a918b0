import type { TracedStates } from '../../telemetry/trace.ts';
import { boundedJson } from '../../text/bounded-json.ts';
import { jsonSize } from '../../text/json-size.ts';
import { STATE_PREFIX } from '../../thread/event.ts';
import type { JsonObject } from '../../thread/event.ts';
import { TRACE_LIMITS } from './trace-limits.ts';

/** An event that may set a state. */
interface StateEvent {
  readonly type: string;
  readonly data: JsonObject;
}

/** Whatever is left of the room for states, one may have so many characters. */
const LEAST = 200;
const MAX_STATES = 500;

/** The states that events set, oldest first; later values count. */
export function statesAfter(
  before: ReadonlyMap<string, JsonObject>,
  events: Iterable<StateEvent>,
): ReadonlyMap<string, JsonObject> {
  const states = new Map(before);
  for (const { type, data } of events) {
    if (type.startsWith(STATE_PREFIX)) states.set(type.slice(STATE_PREFIX.length), data);
  }
  return states;
}

/** States as they are kept, within bounds. */
export function tracedStates(states: ReadonlyMap<string, JsonObject>): TracedStates {
  let room: number = TRACE_LIMITS.states;
  const kept: [string, unknown][] = [];
  for (const [name, value] of [...states].slice(0, MAX_STATES)) {
    const bounded = boundedJson(value, Math.max(LEAST, Math.min(TRACE_LIMITS.text, room)));
    room -= jsonSize({ value: bounded });
    kept.push([name, bounded]);
  }
  return Object.fromEntries(kept);
}
