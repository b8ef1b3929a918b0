import { JimsError } from './jims-error.ts';

const NEEDED = [24, 16] as const;

/**
 * Says what to do where Node is older than JIMS needs: what is missing there shows as errors that do not.
 *
 * @throws JimsError `app_invalid`
 */
export function requireNewNode(
  versions: Readonly<Record<string, string | undefined>> = process.versions,
): void {
  const { node = '', bun, deno } = versions;
  // What they say of Node is how much of it they have.
  if (bun !== undefined || deno !== undefined) return;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  throw new JimsError(
    'app_invalid',
    `JIMS needs Node ${NEEDED.join('.')} or newer, and this is ${node}: npm install node@24 brings one, and npx node starts it`,
  );
}
