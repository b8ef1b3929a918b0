import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version of this package, from its package.json; `unknown` where a bundler left that behind. */
export function packageVersion(): string {
  const description = readDescription();
  return typeof description === 'object' && description !== null && 'version' in description
    ? String(description.version)
    : 'unknown';
}

function readDescription(): unknown {
  try {
    // Not `new URL(…, import.meta.url)`: bundlers take that for an asset, and put a URL of their own there.
    const folder = dirname(fileURLToPath(import.meta.url));
    return JSON.parse(readFileSync(join(folder, '..', 'package.json'), 'utf8'));
  } catch {
    return undefined;
  }
}
