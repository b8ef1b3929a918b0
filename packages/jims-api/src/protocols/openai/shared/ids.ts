// Ids as OpenAI's clients see them: a prefix, and the UUID behind it without hyphens.
import { canonicalUuid, hexOf, timeInUuidV7 } from '../../../http/fastapi/uuid.ts';

export function openAiId(prefix: string, uuid: string): string {
  return `${prefix}_${hexOf(uuid)}`;
}

/** The UUID of an id with this prefix; `undefined` for any other text. */
export function uuidOfId(prefix: string, id: string): string | undefined {
  const digits = id.startsWith(`${prefix}_`) ? id.slice(prefix.length + 1) : '';
  return /^[0-9a-f]{32}$/.test(digits) ? canonicalUuid(digits) : undefined;
}

/** When a UUID of version 7 was made, as a run's is: seconds since 1970. */
export function secondsOf(uuidV7: string): number {
  return Math.floor(timeInUuidV7(uuidV7) / 1000);
}
