// What clients may choose by the extensions of A2A that the card has.
import type { Call } from '../../http/route.ts';

/** The text of answers is also the message of statuses, for front ends that show only that. */
const ANSWERS_IN_STATUS = 'urn:jims:a2a:answers-in-status:v1';

/** The extensions as the card has them. */
export const EXTENSIONS: readonly object[] = [
  {
    uri: ANSWERS_IN_STATUS,
    description: 'Answers are also the message of statuses: as they grow, and of the last one',
    required: false,
  },
];

/** Whether a client wants answers in the messages of statuses. */
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
