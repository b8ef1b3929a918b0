const CANARY = /canary-[\w-]+/g;

/** What every message of a contact holds, and no word to another. */
export function canaryOf(contact: string): string {
  return `canary-${contact}`;
}

/** The canary of somebody else in text for this contact. */
export function strangeCanary(text: string, contact: string): string | undefined {
  return (text.match(CANARY) ?? []).find((each) => each !== canaryOf(contact));
}
