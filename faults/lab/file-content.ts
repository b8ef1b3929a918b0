import { createHash } from 'node:crypto';

/** More than two chunks of a table, and many pieces of a request. */
const BYTES = 600_000;

/** Text that nobody else has: it is found again wherever a part of it is left. */
export function contentOf(mark: string): Uint8Array<ArrayBuffer> {
  const line = `<${mark}>\n`;
  return Buffer.from(line.repeat(Math.ceil(BYTES / line.length)));
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
