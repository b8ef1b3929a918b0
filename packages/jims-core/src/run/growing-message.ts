import { Paragraphs } from '../llm/tools/paragraphs.ts';
import { plainBody } from '../pipeline/message-body.ts';
import type { MessageBody } from '../pipeline/message-body.ts';
import type { MessageNews, ToolNews } from '../pipeline/message-part.ts';
import type { ContextOutput } from '../pipeline/thread-context.ts';
import { PieceReader } from '../text/text-pieces.ts';
import { MessageSources } from '../thread/message-sources.ts';
import type { MessageSource } from '../thread/message.ts';
import type { Journal } from './journal.ts';

/** What happens for a message: a piece of it, how a tool goes, or where the answer comes from. */
export type MessageStep =
  | { readonly type: 'text' | 'reasoning'; readonly text: string }
  | { readonly type: 'tool'; readonly tool: ToolNews }
  | { readonly type: 'source'; readonly source: MessageSource };

export interface GrowingMessageOptions {
  readonly id: string;
  readonly output: ContextOutput;
  readonly journal: Pick<Journal, 'isRepeating'>;
  /** Whether it becomes a message: else only its tools are shown. */
  readonly hasText: boolean;
}

/**
 * A message that is made by several entries of a journal. Listeners get each piece once: as it comes, or as it
 * comes from the journal. What may be in the log already waits until it is known whether it is.
 */
export class GrowingMessage {
  readonly id: string;
  readonly #options: GrowingMessageOptions;
  readonly #paragraphs = new Paragraphs();
  readonly #sources = new MessageSources();
  #waiting: MessageNews[] = [];
  #text = '';
  #reasoning = '';

  constructor(options: GrowingMessageOptions) {
    this.id = options.id;
    this.#options = options;
  }

  get text(): string {
    return this.#text;
  }

  /** Takes a step. It is sent as soon as it is known that the message is not in the log. */
  add(step: MessageStep): void {
    for (const news of this.#newsOf(step)) {
      if (this.#options.journal.isRepeating) this.#waiting.push(news);
      else this.#send(news);
    }
  }

  get sources(): readonly MessageSource[] {
    return this.#sources.list;
  }

  /** Something is done that was never done before: so the message is not in the log. */
  goesOn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const news of waiting) this.#options.output.piece(news);
  }

  /** The whole message. */
  end(): MessageBody {
    if (this.#options.journal.isRepeating) this.#waiting = [];
    else this.goesOn();
    return { ...plainBody(this.#text), sources: this.#sources.list, reasoning: this.#reasoning };
  }

  #send(news: MessageNews): void {
    this.goesOn();
    this.#options.output.piece(news);
  }

  #newsOf(step: MessageStep): readonly MessageNews[] {
    const { id: messageId, hasText } = this.#options;
    if (step.type === 'tool') {
      if (step.tool.status !== 'running') this.#paragraphs.startNext();
      return [{ type: 'tool', messageId, tool: step.tool }];
    }
    if (!hasText) return [];
    if (step.type === 'source') {
      const source = this.#sources.add(step.source);
      return source ? [{ type: 'source', messageId, source }] : [];
    }
    const { type } = step;
    const text = type === 'text' ? this.#paragraphs.add(step.text) : step.text;
    const reader = new PieceReader();
    const deltas = [...reader.read(text), ...reader.end()];
    if (type === 'text') this.#text += deltas.join('');
    else this.#reasoning += deltas.join('');
    return deltas.map((delta) => ({ type: type === 'text' ? 'delta' : type, messageId, delta }));
  }
}
