// What clients may choose by the extensions of A2A that the card has.
import type { Call } from '../../http/route.ts';

/** The answers of a task are also the message of its last status, for front ends that show only that. */
const ANSWERS_IN_STATUS = 'urn:jims:a2a:answers-in-status:v1';

/** The extensions as the card has them. */
export const EXTENSIONS: readonly object[] = [
  {
    uri: ANSWERS_IN_STATUS,
    description: 'The answers of a task are also the message of its last status',
    required: false,
  },
];

/** Whether a client wants the answers of a task in the message of its last status. */
export function wantsAnswersInStatus({ request: { headers } }: Pick<Call, 'request'>): boolean {
  const named = [headers.get('a2a-extensions'), headers.get('x-a2a-extensions')];
  return named.some((uris) => uris?.split(',').some((uri) => uri.trim() === ANSWERS_IN_STATUS));
}

/** The call, whose answers name the extensions that they have, as clients of 0.3 expect. */
export function withExtensions(call: Call): Call {
  if (!wantsAnswersInStatus(call)) return call;
  const headers = {
    ...call.headers,
    'a2a-extensions': ANSWERS_IN_STATUS,
    'x-a2a-extensions': ANSWERS_IN_STATUS,
  };
  return { ...call, headers };
}
