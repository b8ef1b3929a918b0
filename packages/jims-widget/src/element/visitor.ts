/**
 * What the browser remembers of a visitor: their random contact id, where the page names no contact, and the thread
 * of this tab. A browser that keeps nothing for the page remembers nothing.
 */
export class Visitor {
  readonly #contactKey: string;
  readonly #service: string;

  constructor(service: string) {
    this.#service = service;
    this.#contactKey = `jims-chat contact ${service}`;
  }

  get contactId(): string {
    const known = read(() => localStorage, this.#contactKey);
    if (known !== null) return known;
    const id = `web:${randomId()}`;
    write(() => localStorage, this.#contactKey, id);
    return id;
  }

  threadOf(contactId: string | undefined): string | undefined {
    return read(() => sessionStorage, this.#threadKey(contactId)) ?? undefined;
  }

  remember(contactId: string | undefined, threadId: string | undefined): void {
    write(() => sessionStorage, this.#threadKey(contactId), threadId);
  }

  #threadKey(contactId: string | undefined): string {
    return `jims-chat thread ${this.#service} ${contactId ?? ''}`;
  }
}

/** `crypto.randomUUID` is missing on pages without https. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function read(storage: () => Storage, key: string): string | null {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

function write(storage: () => Storage, key: string, value: string | undefined): void {
  try {
    if (value === undefined) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // Only a reload notices.
  }
}
