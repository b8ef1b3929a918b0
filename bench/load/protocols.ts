/** How a question is asked in a protocol, and where the answer has its text. */
interface ChatProtocol {
  readonly path: string;
  body(contact: string, message: string): object;
  textOf(answer: unknown): unknown;
}

interface JimsAnswer {
  readonly assistant_messages: readonly unknown[];
}

interface MessageAnswer {
  readonly content: readonly { readonly text?: unknown }[];
}

interface CompletionAnswer {
  readonly choices: readonly { readonly message: { readonly content: unknown } }[];
}

/** What the load generator speaks. A protocol more is an entry more. */
export const PROTOCOLS = {
  jims: {
    path: '/api/v1/chat',
    body: (contact, message) => ({ contact_id: contact, message }),
    textOf: (answer) => (answer as JimsAnswer).assistant_messages[0],
  },
  'openai-chat': {
    path: '/v1/chat/completions',
    body: (contact, message) => ({
      model: 'jims',
      user: contact,
      messages: [{ role: 'user', content: message }],
    }),
    textOf: (answer) => (answer as CompletionAnswer).choices[0]?.message.content,
  },
  anthropic: {
    path: '/v1/messages',
    body: (contact, message) => ({
      model: 'jims',
      max_tokens: 1000,
      metadata: { user_id: contact },
      messages: [{ role: 'user', content: message }],
    }),
    textOf: (answer) => (answer as MessageAnswer).content[0]?.text,
  },
  'deep-chat': {
    path: '/deep-chat',
    body: (contact, message) => ({ contact_id: contact, messages: [{ text: message }] }),
    textOf: (answer) => (answer as { text: unknown }).text,
  },
} as const satisfies Readonly<Record<string, ChatProtocol>>;

export type ProtocolName = keyof typeof PROTOCOLS;
