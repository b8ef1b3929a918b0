import type { HttpAnswer } from './http-connection.ts';
import type { Contacts, Protocol } from './load-spec.ts';

/** One request of a load, and how to tell that its answer is right. */
export interface LoadRequest {
  readonly path: string;
  readonly body: string;
  /** Throws when the answer is not the one to this request. */
  check(answer: HttpAnswer): void;
}

/** The `n`th request of a load, on the connection of that number. Every message is another one. */
export function loadRequest(
  { protocol = 'chat', contacts }: { protocol?: Protocol; contacts: Contacts },
  { n, connection }: { n: number; connection: number },
): LoadRequest {
  const contact = contactOf(contacts, n, connection);
  const message = `message ${n} of a load that never ends`;
  switch (protocol) {
    case 'chat':
      return {
        path: '/api/v1/chat',
        body: JSON.stringify({ contact_id: contact, message }),
        check(answer) {
          const { assistant_messages: said } = parsed(answer) as { assistant_messages: unknown };
          require(answer, Array.isArray(said) && said[0] === `You said: ${message}`);
        },
      };
    case 'chat-completions':
      return {
        path: '/v1/chat/completions',
        body: JSON.stringify({
          model: 'jims',
          user: contact,
          messages: [{ role: 'user', content: message }],
        }),
        check(answer) {
          const { choices } = parsed(answer) as { choices?: { message: { content: string } }[] };
          require(answer, choices?.[0]?.message.content === `You said: ${message}`);
        },
      };
  }
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

function parsed(answer: HttpAnswer): unknown {
  require(answer, answer.status === 200);
  return JSON.parse(answer.body);
}

function require({ status, body }: HttpAnswer, right: boolean): void {
  if (!right) throw new Error(`wrong answer: ${status} ${body.slice(0, 300)}`);
}
