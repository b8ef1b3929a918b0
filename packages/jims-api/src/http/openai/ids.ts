// Ids as OpenAI's clients see them: a prefix, and the UUID behind it without hyphens.
import { canonicalUuid } from '../uuid.ts';

const MILLISECONDS = 12;

export function openAiId(prefix: string, uuid: string): string {
  return `${prefix}_${hexOf(uuid)}`;
}

/** The UUID of an id with this prefix; `undefined` for any other text. */
export function uuidOfId(prefix: string, id: string): string | undefined {
  const digits = id.startsWith(`${prefix}_`) ? id.slice(prefix.length + 1) : '';
  return /^[0-9a-f]{32}$/.test(digits) ? canonicalUuid(digits) : undefined;
}

export function hexOf(uuid: string): string {
  return uuid.replaceAll('-', '');
}

/** When a UUID of version 7 was made, as a run's is: seconds since 1970. */
export function secondsOf(uuidV7: string): number {
  return Math.floor(Number.parseInt(hexOf(uuidV7).slice(0, MILLISECONDS), 16) / 1000);
}
