import type { NewEvent } from 'jims-core';

import { openAiId, messageId } from '../shared/ids.ts';
import { textPart } from './response.ts';
import type { MessageItem, OutputItem, ReasoningItem } from './response.ts';

/** An event of a response's stream, without its number. */
export interface WireEvent {
  readonly type: string;
  /** How many events this one stands for, when it is not itself alone. */
  readonly pieces?: number;
  readonly [member: string]: unknown;
}

/** The output of a response while it grows: each change gives the events that tell of it. */
export interface StreamItems {
  readonly output: readonly OutputItem[];
  status(message: string): Iterable<WireEvent>;
  begin(eventId: string): Iterable<WireEvent>;
  grow(delta: {
    readonly messageId: string;
    readonly delta: string;
    readonly pieces: number;
  }): Iterable<WireEvent>;
  endText(eventId: string): Iterable<WireEvent>;
  /** The message of an event is as it will stay; nothing for other events. */
  finish(event: NewEvent): Iterable<WireEvent>;
  /** Whatever is not finished stays so. */
  finishAll(): Iterable<WireEvent>;
}

interface OpenMessage {
  readonly output_index: number;
  readonly id: string;
  text: string;
  growing: boolean;
}

export function createStreamItems(runId: string): StreamItems {
  const output: OutputItem[] = [];
  const messages = new Map<string, OpenMessage>();
  /** The statuses since the last message. */
  let statuses: (ReasoningItem & { readonly output_index: number }) | undefined;

  function* add(item: OutputItem): Generator<WireEvent> {
    const output_index = output.push(item) - 1;
    yield { type: 'response.output_item.added', output_index, item };
  }

  function* done(output_index: number, item: OutputItem): Generator<WireEvent> {
    output[output_index] = item;
    yield { type: 'response.output_item.done', output_index, item };
  }

  function* closeStatuses(): Generator<WireEvent> {
    if (!statuses) return;
    const { output_index, ...item } = statuses;
    statuses = undefined;
    yield* done(output_index, item);
  }

  function* closeMessage(eventId: string, status: MessageItem['status']): Generator<WireEvent> {
    const message = messages.get(eventId);
    if (!message) return;
    messages.delete(eventId);
    const { output_index, id, text } = message;
    yield* done(output_index, messageItem(id, status, text));
  }

  function* endText(eventId: string): Generator<WireEvent> {
    const message = messages.get(eventId);
    if (!message?.growing) return;
    message.growing = false;
    const { output_index, id: item_id, text } = message;
    const place = { item_id, output_index, content_index: 0 };
    yield { type: 'response.output_text.done', ...place, text, logprobs: [] };
    yield { type: 'response.content_part.done', ...place, part: textPart(text) };
  }

  return {
    output,

    *status(text) {
      if (!statuses) {
        const output_index = output.length;
        const id = `${openAiId('rs', runId)}_${output_index}`;
        statuses = { output_index, id, type: 'reasoning', summary: [] };
        yield* add({ id, type: 'reasoning', summary: [] });
      }
      const { output_index, id: item_id, summary } = statuses;
      const place = { item_id, output_index, summary_index: summary.length };
      const part = { type: 'summary_text', text } as const;
      statuses = { ...statuses, summary: [...summary, part] };
      const kind = 'response.reasoning_summary';
      yield { type: `${kind}_part.added`, ...place, part: { ...part, text: '' } };
      yield { type: `${kind}_text.delta`, ...place, delta: text };
      yield { type: `${kind}_text.done`, ...place, text };
      yield { type: `${kind}_part.done`, ...place, part };
      // Between the pieces of a message: there is no later beginning that would close them.
      if (messages.size > 0) yield* closeStatuses();
    },

    *begin(eventId) {
      yield* closeStatuses();
      const id = messageId(eventId, runId);
      const output_index = output.length;
      messages.set(eventId, { output_index, id, text: '', growing: true });
      yield* add({ id, type: 'message', role: 'assistant', status: 'in_progress', content: [] });
      const place = { item_id: id, output_index, content_index: 0 };
      yield { type: 'response.content_part.added', ...place, part: textPart('') };
    },

    *grow({ messageId: eventId, delta, pieces }) {
      const message = messages.get(eventId);
      if (!message) return;
      message.text += delta;
      const { output_index, id: item_id } = message;
      yield {
        type: 'response.output_text.delta',
        pieces: Math.max(1, pieces),
        item_id,
        output_index,
        content_index: 0,
        delta,
        logprobs: [],
      };
    },

    endText,

    finish: ({ id, data }) => closeMessage(id, data['partial'] ? 'incomplete' : 'completed'),

    *finishAll() {
      yield* closeStatuses();
      for (const eventId of messages.keys()) {
        yield* endText(eventId);
        yield* closeMessage(eventId, 'incomplete');
      }
    },
  };
}

function messageItem(id: string, status: MessageItem['status'], text: string): MessageItem {
  return { id, type: 'message', role: 'assistant', status, content: [textPart(text)] };
}
