import crypto from 'node:crypto';

import { JimsError } from './jims-error.ts';

/**
 * Says what to do where Node is older than JIMS needs: what is missing there shows as errors that do not.
 *
 * @throws JimsError `app_invalid`
 */
export function requireNewNode(): void {
  // Other runtimes have what they have.
  if (process.versions['bun'] !== undefined || 'randomUUIDv7' in crypto) return;
  throw new JimsError(
    'app_invalid',
    `JIMS needs Node 24.16 or newer, and this is ${process.version}: npm install node@24 brings one, and npx node starts it`,
  );
}
