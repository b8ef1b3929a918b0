import type { NewEvent, Run, RunEnd, RunResult } from 'jims-core';

import { resultOf } from '../../chat/answer-run.ts';
import type { FileAddress } from '../../chat/file-address.ts';
import { inTurn } from '../../chat/in-turn.ts';
import type { InTurnEvent } from '../../chat/in-turn.ts';
import { filesOf, reasoningOf, sourcesOf } from '../../chat/message-members.ts';
import { assistantText } from '../../chat/messages.ts';
import { tokensOf } from '../../chat/usage.ts';
import { toHttpError } from '../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import { SLOT, jsonTemplate, jsonText } from '../../http/fastapi/json-pieces.ts';
import { hexOf } from '../../http/fastapi/uuid.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { Expansion } from '../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../http/sse/ready-iterator.ts';
import { errorObject } from './error.ts';

export interface EncodeOptions {
  readonly model: string;
  readonly addressOf: FileAddress;
}

const END = { stop_reason: 'end_turn', stop_sequence: null } as const;
const NO_TOKENS = { input: 0, cached: 0, output: 0 };

/** A result as one message of the assistant, each message of the app a block; there is nothing for buttons. */
export function encodeResult(run: Run, result: RunResult, options: EncodeOptions): object {
  return {
    ...headOf(run, options.model),
    content: result.events.flatMap((event) => blocksOf(event, options.addressOf)),
    ...END,
    usage: usageOf(tokensOf(result)),
  };
}

function blocksOf(event: NewEvent, addressOf: FileAddress): object[] {
  const text = assistantText(event);
  if (text === undefined) return [];
  const thinking = reasoningOf(event);
  const citations = citationsOf(event, addressOf);
  return [
    ...(thinking ? [{ type: 'thinking', thinking, signature: '' }] : []),
    ...(text !== '' || citations.length > 0
      ? [{ type: 'text', text, citations: citations.length > 0 ? citations : null }]
      : []),
  ];
}

/** The sources of a message, then its files: clients show both as links. */
function citationsOf(event: NewEvent, addressOf: FileAddress): object[] {
  return [
    ...sourcesOf(event).map(({ url, title, excerpt }) => citation(url, title ?? null, excerpt)),
    ...filesOf(event).map(({ file_id: id, name }) => citation(addressOf(id), name)),
  ];
}

function citation(url: string, title: string | null, cited_text = ''): object {
  return { type: 'web_search_result_location', url, title, cited_text, encrypted_index: '' };
}

/** A run as the events of one message. */
export function encodeStream(
  run: Run,
  options: EncodeOptions & ErrorAnswerOptions,
): ReadyIterable<SseFrame> {
  const encoder = new MessageEncoder(run, options);
  return new Expansion(inTurn(run), (event) => encoder.read(event), { first: [encoder.begin()] });
}

/** A block of the message: one is open at a time. */
interface Block {
  readonly kind: 'text' | 'thinking';
  /** The message, or the reasoning, that it is of. */
  readonly id: string;
  readonly index: number;
  readonly delta: (text: string) => string;
}

function deltaOf({ delta }: Block, text: string): SseFrame {
  return { event: 'content_block_delta', data: delta(text) };
}

class MessageEncoder {
  readonly #run: Run;
  readonly #options: EncodeOptions & ErrorAnswerOptions;
  #block: Block | undefined;
  #blocks = 0;

  constructor(run: Run, options: EncodeOptions & ErrorAnswerOptions) {
    this.#run = run;
    this.#options = options;
  }

  begin(): SseFrame {
    const message = {
      ...headOf(this.#run, this.#options.model),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: usageOf(NO_TOKENS),
    };
    return frame('message_start', { message });
  }

  read(event: InTurnEvent): Iterable<SseFrame> {
    switch (event.type) {
      case 'status':
        return [];
      case 'text':
        return this.#grow('text', event.messageId, event.text);
      case 'reasoning':
        return this.#grow('thinking', event.reasoningId, event.text);
      default:
        return this.#ending(event);
    }
  }

  #grow(kind: Block['kind'], id: string, text: string): Iterable<SseFrame> {
    const block = this.#block;
    const goesOn = block?.kind === kind && block.id === id;
    return goesOn ? [deltaOf(block, text)] : this.#begin(kind, id, text);
  }

  *#begin(kind: Block['kind'], id: string, text: string): Generator<SseFrame> {
    yield deltaOf(yield* this.#open(kind, id), text);
  }

  *#open(kind: Block['kind'], id: string): Generator<SseFrame, Block> {
    yield* this.#close();
    const index = this.#blocks++;
    const delta = { type: `${kind}_delta`, [kind]: SLOT };
    const block = {
      kind,
      id,
      index,
      delta: jsonTemplate({ type: 'content_block_delta', index, delta }),
    };
    this.#block = block;
    const content_block = { type: kind, [kind]: '', ...(kind === 'thinking' && { signature: '' }) };
    yield frame('content_block_start', { index, content_block });
    return block;
  }

  *#close(): Generator<SseFrame> {
    if (this.#block) yield frame('content_block_stop', { index: this.#block.index });
    this.#block = undefined;
  }

  *#ending(end: RunEnd): Generator<SseFrame> {
    const options = this.#options;
    let result: RunResult;
    try {
      result = resultOf(end);
    } catch (error) {
      yield { event: 'error', data: jsonText(errorObject(toHttpError(error, options), options)) };
      return;
    }
    yield* this.#cite(result);
    yield* this.#close();
    yield frame('message_delta', { delta: END, usage: usageOf(tokensOf(result)) });
    yield frame('message_stop', {});
  }

  /** After all text: which message a citation is of is not said. */
  *#cite({ events }: RunResult): Generator<SseFrame> {
    const citations = events.flatMap((event) =>
      assistantText(event) === undefined ? [] : citationsOf(event, this.#options.addressOf),
    );
    if (citations.length === 0) return;
    if (this.#block?.kind !== 'text') yield* this.#open('text', '');
    const index = this.#blocks - 1;
    for (const each of citations) {
      const delta = { type: 'citations_delta', citation: each };
      yield frame('content_block_delta', { index, delta });
    }
  }
}

function headOf({ id }: Run, model: string): object {
  return { id: `msg_${hexOf(id)}`, type: 'message', role: 'assistant', model };
}

function usageOf({ input, cached, output }: typeof NO_TOKENS): object {
  return {
    input_tokens: input - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: output,
  };
}

function frame(type: string, members: object): SseFrame {
  return { event: type, data: jsonText({ type, ...members }) };
}
