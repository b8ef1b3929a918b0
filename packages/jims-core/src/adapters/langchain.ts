import type { ForeignPart, MessagePart } from '../pipeline/message-part.ts';
import { STEP_END, listOf, member, textOf, valueOf, webSource } from './foreign.ts';

/** A `StreamEvent` of `@langchain/core`. */
export interface LangChainEvent {
  readonly event: string;
  readonly name: string;
  readonly run_id: string;
  readonly data: unknown;
}

export interface LangChainOptions<T> {
  /** Whether a model that reports this is writing the answer. Default: unless a tool is at work. */
  readonly isAnswer?: (event: T) => boolean;
}

/**
 * Makes the parts of a message from `streamEvents` (version `v2`) of a model, a chain or a graph: its text,
 * reasoning and tools, and the documents of retrievers that have a web address as their `source`.
 *
 * @example
 * ```ts
 * const events = agent.streamEvents({ messages: ctx.context() }, { version: 'v2', signal: ctx.signal });
 * await ctx.sendMessage(fromLangChain(events));
 * ```
 */
export async function* fromLangChain<T extends LangChainEvent>(
  stream: AsyncIterable<T>,
  { isAnswer }: LangChainOptions<T> = {},
): AsyncGenerator<MessagePart | ForeignPart> {
  const tools = new Set<string>();
  const streamed = new Set<string>();
  for await (const event of stream) {
    const { event: type, run_id: id, name, data } = event;
    switch (type) {
      case 'on_tool_start':
        tools.add(id);
        yield { type: 'tool-call', id, name, input: inputOf(member(data, 'input')) };
        break;
      case 'on_tool_end':
      case 'on_tool_error':
        tools.delete(id);
        yield { type: 'tool-result', id, ...endOf(data) };
        break;
      case 'on_retriever_end':
        yield* sourcesOf(member(data, 'output'));
        break;
      default:
        if (!(isAnswer?.(event) ?? tools.size === 0)) break;
        yield* said(event, streamed);
    }
  }
}

type Parts = Generator<MessagePart | ForeignPart>;

/** What a model says. One that does not stream says all of it at its end. */
function* said({ event, run_id: id, data }: LangChainEvent, streamed: Set<string>): Parts {
  if (event === 'on_chat_model_start') yield STEP_END;
  if (event === 'on_chat_model_stream') {
    streamed.add(id);
    yield* partsOf(member(data, 'chunk'));
  }
  if (event === 'on_chat_model_end' && !streamed.delete(id)) yield* partsOf(member(data, 'output'));
}

function* partsOf(message: unknown): Parts {
  const thought = member(member(message, 'additional_kwargs'), 'reasoning_content');
  if (typeof thought === 'string') yield { type: 'reasoning', text: thought };
  const content = member(message, 'content');
  if (typeof content === 'string') yield { type: 'text', text: content };
  for (const block of listOf(content)) yield* partsOfBlock(block);
}

function* partsOfBlock(block: unknown): Parts {
  switch (member(block, 'type')) {
    case 'text':
    case 'text_delta':
      yield { type: 'text', text: textOf(member(block, 'text')) };
      break;
    case 'reasoning':
      yield { type: 'reasoning', text: reasoningOf(block) };
      break;
    case 'thinking':
      yield { type: 'reasoning', text: textOf(member(block, 'thinking')) };
      break;
  }
  for (const cited of listOf(member(block, 'annotations'))) {
    yield* webSource(member(cited, 'url'), member(cited, 'title'));
  }
}

/** Its own form, or the summaries of the Responses API. */
function reasoningOf(block: unknown): string {
  const summaries = listOf(member(block, 'summary')).map((each) => textOf(member(each, 'text')));
  return textOf(member(block, 'reasoning')) || summaries.join('\n\n');
}

function inputOf(input: unknown): unknown {
  const inner = member(input, 'input');
  return valueOf(inner === undefined ? input : inner);
}

function endOf(data: unknown): { readonly output: unknown } | { readonly error: string } {
  const error = member(data, 'error');
  if (error !== undefined) return { error: reasonOf(error) };
  const output = member(data, 'output');
  const content = member(output, 'content') ?? output;
  if (member(output, 'status') !== 'error') return { output: content };
  return { error: typeof content === 'string' ? content : JSON.stringify(content) };
}

/** Its message; as text it has the stack after it. */
function reasonOf(error: unknown): string {
  const message = textOf(member(error, 'message')) || textOf(error) || 'failed';
  const [first = ''] = message.includes('\n    at ') ? message.split('\n\n') : [message];
  return first;
}

function* sourcesOf(output: unknown): Parts {
  const documents =
    listOf(output).length > 0 ? listOf(output) : listOf(member(output, 'documents'));
  for (const document of documents) {
    const metadata = member(document, 'metadata');
    const url = member(metadata, 'source') ?? member(metadata, 'url');
    yield* webSource(url, member(metadata, 'title'));
  }
}
