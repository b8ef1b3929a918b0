// What a click on a button sends: Deep Chat has text alone for it.

const OF_QUESTION = /^btn:@(?<question>[0-9a-f-]{36}):(?<id>.*)$/s;

/** The callback of a button: `btn:<id>`, and `btn:@<question>:<id>` of one that answers a question. */
export function callbackOf(buttonId: string, question: string | undefined): string {
  const id = buttonId.startsWith('btn:') ? buttonId.slice('btn:'.length) : buttonId;
  return question === undefined ? `btn:${id}` : `btn:@${question}:${id}`;
}

/** Reads a message: the callback of a question's button as `btn:<id>`, anything else as it is. */
export function readCallback(sent: string): {
  readonly text: string;
  readonly question: string | undefined;
} {
  const { question, id } = OF_QUESTION.exec(sent)?.groups ?? {};
  return question === undefined ? { text: sent, question } : { text: `btn:${id}`, question };
}
