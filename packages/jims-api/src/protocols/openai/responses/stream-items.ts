import type { NewEvent } from 'jims-core';

import type { ReasoningDelta, TextDelta } from '../../../chat/text-stream.ts';
import { SLOT, templateOf } from '../../../http/fastapi/json-pieces.ts';
import type { JsonTemplate } from '../../../http/fastapi/json-pieces.ts';
import type { Citation } from '../shared/citations.ts';
import { messageId } from '../shared/ids.ts';
import { annotation, reasoningId, reasoningItem, textPart } from './response.ts';
import type { Annotation, MessageItem, OutputItem, ReasoningItem } from './response.ts';

export const TEXT_DELTA = 'response.output_text.delta';
const SUMMARY = 'response.reasoning_summary';

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
  readonly annotations: Annotation[];
  isGrowing: boolean;
  /** Writes the event of a piece of its text, up to its number. */
  readonly piece: JsonTemplate;
}

/** What a model thinks just now. */
interface OpenReasoning {
  readonly output_index: number;
  readonly id: string;
  text: string;
}

/** The statuses since the last message are one item. */
type OpenStatuses = ReasoningItem & { readonly output_index: number };

/** The output of a response while it grows: each change gives the events that report it. */
export class StreamItems {
  readonly output: OutputItem[] = [];
  readonly #runId: string;
  readonly #messages = new Map<string, OpenMessage>();
  #statuses: OpenStatuses | undefined;
  #reasoning: OpenReasoning | undefined;

  constructor(runId: string) {
    this.#runId = runId;
  }

  *status(text: string): Generator<WireEvent> {
    if (!this.#statuses) {
      const output_index = this.output.length;
      const id = reasoningId(this.#runId, output_index);
      this.#statuses = { output_index, id, type: 'reasoning', summary: [] };
      yield this.#add({ id, type: 'reasoning', summary: [] });
    }
    const { output_index, id: item_id, summary } = this.#statuses;
    const position = { item_id, output_index, summary_index: summary.length };
    const part = { type: 'summary_text', text } as const;
    this.#statuses = { ...this.#statuses, summary: [...summary, part] };
    yield { type: `${SUMMARY}_part.added`, ...position, part: { ...part, text: '' } };
    yield { type: `${SUMMARY}_text.delta`, ...position, delta: text };
    yield* summaryEnd(position, text);
    // Between the pieces of a message: there is no later beginning that would close them.
    if (this.#messages.size > 0) yield* this.#closeStatuses();
  }

  *beginReasoning(): Generator<WireEvent> {
    yield* this.#closeStatuses();
    const output_index = this.output.length;
    const id = reasoningId(this.#runId, output_index);
    this.#reasoning = { output_index, id, text: '' };
    yield this.#add({ id, type: 'reasoning', summary: [] });
    const position = { item_id: id, output_index, summary_index: 0 };
    const part = { type: 'summary_text', text: '' };
    yield { type: `${SUMMARY}_part.added`, ...position, part };
  }

  growReasoning({ delta, pieces }: ReasoningDelta): WireEvent[] {
    if (!this.#reasoning) return [];
    this.#reasoning.text += delta;
    const { output_index, id: item_id } = this.#reasoning;
    const position = { item_id, output_index, summary_index: 0 };
    return [{ type: `${SUMMARY}_text.delta`, pieces: Math.max(1, pieces), ...position, delta }];
  }

  endReasoning(): WireEvent[] {
    if (!this.#reasoning) return [];
    const { output_index, id, text } = this.#reasoning;
    this.#reasoning = undefined;
    return [
      ...summaryEnd({ item_id: id, output_index, summary_index: 0 }, text),
      this.#done(output_index, reasoningItem(id, text)),
    ];
  }

  /** Nothing for a message that has begun, as one may by what it cites. */
  *begin(eventId: string): Generator<WireEvent> {
    if (this.#messages.has(eventId)) return;
    yield* this.#closeStatuses();
    const id = messageId(eventId, this.#runId);
    const output_index = this.output.length;
    const position = { item_id: id, output_index, content_index: 0 };
    const delta = { type: TEXT_DELTA, ...position, delta: SLOT, logprobs: [] };
    const piece = templateOf(`${JSON.stringify(delta).slice(0, -1)},"sequence_number":`);
    const fresh = { output_index, id, text: '', annotations: [], isGrowing: true, piece };
    this.#messages.set(eventId, fresh);
    yield this.#add({ id, type: 'message', role: 'assistant', status: 'in_progress', content: [] });
    yield { type: 'response.content_part.added', ...position, part: textPart('') };
  }

  /** Gives the JSON of the event up to its number, which is the last thing in it. */
  grow({ messageId: eventId, delta }: Omit<TextDelta, 'type'>): string | undefined {
    const message = this.#messages.get(eventId);
    if (!message) return undefined;
    message.text += delta;
    return message.piece(delta);
  }

  /** A message cites something, before, in or after its text. */
  *cite(eventId: string, citation: Citation): Generator<WireEvent> {
    yield* this.begin(eventId);
    const message = this.#messages.get(eventId);
    if (!message) return;
    const { output_index, id: item_id, text, annotations } = message;
    const cited = annotation(citation, text);
    yield {
      type: 'response.output_text.annotation.added',
      item_id,
      output_index,
      content_index: 0,
      annotation_index: annotations.push(cited) - 1,
      annotation: cited,
    };
  }

  endText(eventId: string): WireEvent[] {
    const message = this.#messages.get(eventId);
    if (!message?.isGrowing) return [];
    message.isGrowing = false;
    const { output_index, id: item_id, text, annotations } = message;
    const position = { item_id, output_index, content_index: 0 };
    return [
      { type: 'response.output_text.done', ...position, text, logprobs: [] },
      { type: 'response.content_part.done', ...position, part: textPart(text, annotations) },
    ];
  }

  /** The message of an event is as it will stay; nothing for other events. */
  finish({ id, data }: NewEvent): WireEvent[] {
    const status = data['partial'] ? 'incomplete' : 'completed';
    // Without text nothing else ends it.
    return [...this.endText(id), ...this.#closeMessage(id, status)];
  }

  /** What is not finished now never will be. */
  *finishAll(): Generator<WireEvent> {
    yield* this.#closeStatuses();
    yield* this.endReasoning();
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
    const { output_index, id, text, annotations } = message;
    return [
      this.#done(output_index, {
        id,
        type: 'message',
        role: 'assistant',
        status,
        content: [textPart(text, annotations)],
      }),
    ];
  }
}

function summaryEnd(position: object, text: string): WireEvent[] {
  const part = { type: 'summary_text', text };
  return [
    { type: `${SUMMARY}_text.done`, ...position, text },
    { type: `${SUMMARY}_part.done`, ...position, part },
  ];
}
