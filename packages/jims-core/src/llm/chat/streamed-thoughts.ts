import { membersOf } from '../foreign-json.ts';
import type { Members } from '../foreign-json.ts';

/**
 * A model's thoughts in the chunks of a server that speaks OpenAI's API, put together as in a whole
 * message of that server.
 */
export class StreamedThoughts {
  readonly #texts = new Map<string, string>();
  readonly #details: Members[] = [];

  read(chunk: unknown): void {
    const { choices } = membersOf(chunk);
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
    const delta = membersOf(membersOf(choice)['delta']);
    for (const name of ['reasoning_content', 'reasoning']) {
      const text = delta[name];
      if (typeof text === 'string') this.#texts.set(name, (this.#texts.get(name) ?? '') + text);
    }
    const { reasoning_details: details } = delta;
    if (Array.isArray(details)) for (const each of details) this.#addDetail(membersOf(each));
  }

  /** The members of the whole message. */
  get message(): Members {
    const details = this.#details.length > 0 && { reasoning_details: this.#details };
    return { ...Object.fromEntries(this.#texts), ...details };
  }

  /** A detail comes in pieces, which have the same index. */
  #addDetail(detail: Members): void {
    const last = this.#details.at(-1);
    const goesOn = last?.['index'] === detail['index'] && last?.['type'] === detail['type'];
    if (last && goesOn) this.#details.splice(-1, 1, joined(last, detail));
    else this.#details.push(detail);
  }
}

/** The members whose texts come in pieces. */
const GROWING = ['text', 'summary', 'data'];

function joined(before: Members, after: Members): Members {
  const texts = GROWING.flatMap((name) => {
    const [first, second] = [before[name], after[name]];
    return typeof first === 'string' && typeof second === 'string' ? [[name, first + second]] : [];
  });
  return { ...before, ...after, ...Object.fromEntries(texts) };
}
