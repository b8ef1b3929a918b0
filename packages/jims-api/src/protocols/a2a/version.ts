import type { Call } from '../../http/route.ts';
import { failure } from './failures.ts';

const SPOKEN = /^(?:1\.0|0\.3)(?:\.\d+)?$/;

/**
 * Refuses a version of A2A that is not spoken. Without one it is told by what is called: clients
 * leave the header out in 0.3, and by hand.
 *
 * @throws HttpError `version_not_supported`
 */
export function requireVersion({ request, query }: Call): void {
  const version = request.headers.get('a2a-version') ?? query.get('A2A-Version') ?? '';
  if (version === '' || SPOKEN.test(version)) return;
  throw failure('version_not_supported', 'This agent speaks A2A 1.0 and 0.3');
}
