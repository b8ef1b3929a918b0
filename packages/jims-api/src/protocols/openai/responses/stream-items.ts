import type { NewEvent } from 'jims-core';

import type { TextDelta } from '../../../chat/text-stream.ts';
import { openAiId, messageId } from '../shared/ids.ts';
import { textPart } from './response.ts';
import type { MessageItem, OutputItem, ReasoningItem } from './response.ts';

/** An event of a response's stream, without its number. */
export interface WireEvent {
  readonly type: string;
  /** How many events it stands for; 1 by default. */
  readonly pieces?: number;
  readonly [member: string]: unknown;
}

/** A message whose item is not done. */
interface OpenMessage {
  readonly output_index: number;
  readonly id: string;
  text: string;
  isGrowing: boolean;
}

/** The statuses since the last message are one item. */
type OpenStatuses = ReasoningItem & { readonly output_index: number };

/** The output of a response while it grows: each change gives the events that report it. */
export class StreamItems {
  readonly output: OutputItem[] = [];
  readonly #runId: string;
  readonly #messages = new Map<string, OpenMessage>();
  #statuses: OpenStatuses | undefined;

  constructor(runId: string) {
    this.#runId = runId;
  }

  *status(text: string): Generator<WireEvent> {
    if (!this.#statuses) {
      const output_index = this.output.length;
      const id = `${openAiId('rs', this.#runId)}_${output_index}`;
      this.#statuses = { output_index, id, type: 'reasoning', summary: [] };
      yield this.#add({ id, type: 'reasoning', summary: [] });
    }
    const { output_index, id: item_id, summary } = this.#statuses;
    const position = { item_id, output_index, summary_index: summary.length };
    const part = { type: 'summary_text', text } as const;
    this.#statuses = { ...this.#statuses, summary: [...summary, part] };
    const kind = 'response.reasoning_summary';
    yield { type: `${kind}_part.added`, ...position, part: { ...part, text: '' } };
    yield { type: `${kind}_text.delta`, ...position, delta: text };
    yield { type: `${kind}_text.done`, ...position, text };
    yield { type: `${kind}_part.done`, ...position, part };
    // Between the pieces of a message: there is no later beginning that would close them.
    if (this.#messages.size > 0) yield* this.#closeStatuses();
  }

  *begin(eventId: string): Generator<WireEvent> {
    yield* this.#closeStatuses();
    const id = messageId(eventId, this.#runId);
    const output_index = this.output.length;
    this.#messages.set(eventId, { output_index, id, text: '', isGrowing: true });
    yield this.#add({ id, type: 'message', role: 'assistant', status: 'in_progress', content: [] });
    const position = { item_id: id, output_index, content_index: 0 };
    yield { type: 'response.content_part.added', ...position, part: textPart('') };
  }

  grow({ messageId: eventId, delta, pieces }: Omit<TextDelta, 'type'>): WireEvent[] {
    const message = this.#messages.get(eventId);
    if (!message) return [];
    message.text += delta;
    const { output_index, id: item_id } = message;
    return [
      {
        type: 'response.output_text.delta',
        pieces: Math.max(1, pieces),
        item_id,
        output_index,
        content_index: 0,
        delta,
        logprobs: [],
      },
    ];
  }

  endText(eventId: string): WireEvent[] {
    const message = this.#messages.get(eventId);
    if (!message?.isGrowing) return [];
    message.isGrowing = false;
    const { output_index, id: item_id, text } = message;
    const position = { item_id, output_index, content_index: 0 };
    return [
      { type: 'response.output_text.done', ...position, text, logprobs: [] },
      { type: 'response.content_part.done', ...position, part: textPart(text) },
    ];
  }

  /** The message of an event is as it will stay; nothing for other events. */
  finish({ id, data }: NewEvent): WireEvent[] {
    return this.#closeMessage(id, data['partial'] ? 'incomplete' : 'completed');
  }

  /** What is not finished now never will be. */
  *finishAll(): Generator<WireEvent> {
    yield* this.#closeStatuses();
    for (const eventId of this.#messages.keys()) {
      yield* this.endText(eventId);
      yield* this.#closeMessage(eventId, 'incomplete');
    }
  }

  #add(item: OutputItem): WireEvent {
    const output_index = this.output.push(item) - 1;
    return { type: 'response.output_item.added', output_index, item };
  }

  #done(output_index: number, item: OutputItem): WireEvent {
    this.output[output_index] = item;
    return { type: 'response.output_item.done', output_index, item };
  }

  #closeStatuses(): WireEvent[] {
    if (!this.#statuses) return [];
    const { output_index, ...item } = this.#statuses;
    this.#statuses = undefined;
    return [this.#done(output_index, item)];
  }

  #closeMessage(eventId: string, status: MessageItem['status']): WireEvent[] {
    const message = this.#messages.get(eventId);
    if (!message) return [];
    this.#messages.delete(eventId);
    const { output_index, id, text } = message;
    return [
      this.#done(output_index, {
        id,
        type: 'message',
        role: 'assistant',
        status,
        content: [textPart(text)],
      }),
    ];
  }
}
