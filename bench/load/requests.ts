import type { HttpAnswer } from './http-connection.ts';
import { PROTOCOLS } from './protocols.ts';
import type { ChatProtocol, ProtocolName } from './protocols.ts';

/** Who the requests of a load are from. */
export type Contacts =
  /** A contact that nobody has heard of, for each request. */
  | { readonly kind: 'new'; readonly prefix: string }
  /** Each connection has one of its own: `prefix` and a number from 0. */
  | { readonly kind: 'own'; readonly prefix: string }
  /** So many, one after the other. */
  | { readonly kind: 'cycle'; readonly prefix: string; readonly count: number };

/** One request of a load, and how to tell that its answer is right. */
export interface LoadRequest {
  readonly path: string;
  readonly body: string;
  readonly headers: readonly string[];
  /** Throws when the answer is not the one to this request. */
  check(answer: HttpAnswer): void;
}

/** The `n`th request of a load, on the connection of that number. Every message is another one. */
export function loadRequest(
  { protocol = 'jims', contacts }: { protocol?: ProtocolName; contacts: Contacts },
  { n, connection }: { n: number; connection: number },
): LoadRequest {
  const { path, headers = [], body, textOf }: ChatProtocol = PROTOCOLS[protocol];
  const contact = contactOf(contacts, n, connection);
  const message = `message ${n} of a load that never ends`;
  return {
    path,
    headers,
    body: JSON.stringify(body(contact, message)),
    check(answer) {
      const right =
        answer.status === 200 && textOf(JSON.parse(answer.body)) === `You said: ${message}`;
      if (!right) throw new Error(`wrong answer: ${answer.status} ${answer.body.slice(0, 300)}`);
    },
  };
}

function contactOf(contacts: Contacts, n: number, connection: number): string {
  switch (contacts.kind) {
    case 'new':
      return contacts.prefix + n;
    case 'own':
      return contacts.prefix + connection;
    case 'cycle':
      return contacts.prefix + (n % contacts.count);
  }
}
