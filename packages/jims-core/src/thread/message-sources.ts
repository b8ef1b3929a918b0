import { JimsError } from '../errors/jims-error.ts';
import { cleanText, cutText } from '../text/clean-text.ts';
import type { MessageSource } from './message.ts';

const MAX_URL = 2048;
const MAX_TITLE = 500;
const MAX_EXCERPT = 4000;

/** A source whose members are to be checked. */
export type SourceMembers = { readonly [Name in keyof MessageSource]: unknown };

/** The sources of a message, each once. */
export class MessageSources {
  readonly #byUrl = new Map<string, MessageSource>();

  get list(): readonly MessageSource[] {
    return [...this.#byUrl.values()];
  }

  /**
   * Adds a source; `undefined` when it is there already. A long title or excerpt is cut.
   *
   * @throws JimsError `invalid_event`
   */
  add({ url, title, excerpt }: SourceMembers): MessageSource | undefined {
    const source = {
      url: webAddress(url),
      ...(title !== undefined && { title: textOf('title', title, MAX_TITLE) }),
      ...(excerpt !== undefined && { excerpt: textOf('excerpt', excerpt, MAX_EXCERPT) }),
    };
    if (this.#byUrl.has(source.url)) return undefined;
    this.#byUrl.set(source.url, source);
    return source;
  }
}

function webAddress(url: unknown): string {
  if (typeof url === 'string' && url.length <= MAX_URL && URL.canParse(url)) {
    const { protocol } = new URL(url);
    if (protocol === 'https:' || protocol === 'http:') return cleanText(url);
  }
  throw new JimsError(
    'invalid_event',
    `The url of a source must be an http or https address of at most ${MAX_URL} characters`,
  );
}

function textOf(member: string, value: unknown, max: number): string {
  if (typeof value === 'string') return cutText(cleanText(value), max);
  throw new JimsError('invalid_event', `The ${member} of a source must be a string`);
}
