/** The templates, and what each is. The order is that of the question. */
export const TEMPLATES = {
  echo: 'answers with what it was sent: the smallest app, without a model',
  llm: 'a chat with a language model, streamed',
  rag: 'answers from a folder of texts, and says from which',
  refund: 'a dialogue with steps and questions that survives a crash',
  react: 'a React page on jims-client, with Vite',
} as const;

export type TemplateName = keyof typeof TEMPLATES;

export const DEFAULT_TEMPLATE: TemplateName = 'echo';

export function isTemplateName(text: string): text is TemplateName {
  return Object.hasOwn(TEMPLATES, text);
}
