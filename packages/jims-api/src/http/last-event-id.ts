import { HttpError } from './errors.ts';
import { inQuery } from './parameters.ts';
import type { Parameter, Call } from './route.ts';

/** How clients that cannot send the header name it in the query, such as polyfills of EventSource. */
const LAST_EVENT_ID_NAMES = ['lastEventId', 'last_event_id', 'Last-Event-ID'] as const;

/** The id of the last event that a client has seen: the header, or else a member of the query. */
export function lastEventIdOf(call: Call): string | undefined {
  const header = call.request.headers.get('last-event-id');
  return header || lastEventIdInQuery(call);
}

/** The same from the query alone, for answers that are not streams. */
export function lastEventIdInQuery({ query }: Call): string | undefined {
  for (const [name, value] of query) {
    if (value !== '' && isLastEventId(name)) return value;
  }
  return undefined;
}

/** In any spelling: each polyfill has its own. */
function isLastEventId(name: string): boolean {
  return name.replaceAll(/[-_]/g, '').toLowerCase() === 'lasteventid';
}

/** How the OpenAPI document describes these names. */
export function lastEventIdNames(of: string): readonly Parameter[] {
  return LAST_EVENT_ID_NAMES.map((name) =>
    inQuery(name, `Another name for \`${of}\`, which polyfills of EventSource send`),
  );
}

/** The answer to an id that this stream never gave. */
export function lastEventIdInvalid(): HttpError {
  return new HttpError(400, 'Last-Event-ID is not an id of this stream: send one that it gave', {
    code: 'last_event_id_invalid',
  });
}
