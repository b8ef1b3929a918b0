import type { ForeignPart, MessagePart } from '../pipeline/message-part.ts';
import { STEP_END, THOUGHT_END, listOf, member, textOf, valueOf, webSource } from './foreign.ts';

/** An event of a streamed run: a `RunStreamEvent` of `@openai/agents`. */
export interface OpenAiAgentsEvent {
  readonly type: string;
}

/**
 * Makes the parts of a message from a streamed run of `@openai/agents`: its text, reasoning, tools and cited
 * sources. Handoffs between agents are not shown. When the run fails, so does the message.
 *
 * @example
 * ```ts
 * const result = await run(agent, ctx.lastUserMessage, { stream: true });
 * await ctx.sendMessage(fromOpenAiAgents(result));
 * ```
 */
export async function* fromOpenAiAgents(
  stream: AsyncIterable<OpenAiAgentsEvent>,
): AsyncGenerator<MessagePart | ForeignPart> {
  const run = new AgentsRun();
  for await (const event of stream) yield* run.read(event);
}

type Parts = Generator<MessagePart | ForeignPart>;

/** What some events of a run say again: it counts once. */
class AgentsRun {
  #hasText = false;
  #hasReasoning = false;
  #calls = 0;

  *read(event: OpenAiAgentsEvent): Parts {
    if (event.type === 'raw_model_stream_event') yield* this.#piece(member(event, 'data'));
    if (event.type === 'run_item_stream_event') {
      yield* this.#item(textOf(member(event, 'name')), member(event, 'item'));
    }
  }

  *#piece(data: unknown): Parts {
    switch (member(data, 'type')) {
      case 'response_started':
        this.#hasText = false;
        this.#hasReasoning = false;
        return yield STEP_END;
      case 'output_text_delta':
        this.#hasText = true;
        return yield { type: 'text', text: textOf(member(data, 'delta')) };
      case 'model':
        return yield* this.#reasoning(member(data, 'event'));
    }
  }

  /** Its pieces are events of the Responses API. */
  *#reasoning(event: unknown): Parts {
    const type = textOf(member(event, 'type'));
    if (type === 'response.reasoning_summary_part.done') yield THOUGHT_END;
    if (!/^response\.reasoning_(summary_)?text\.delta$/.test(type)) return;
    this.#hasReasoning = true;
    yield { type: 'reasoning', text: textOf(member(event, 'delta')) };
  }

  *#item(name: string, item: unknown): Parts {
    const raw = member(item, 'rawItem');
    switch (name) {
      case 'message_output_created':
        return yield* this.#message(listOf(member(raw, 'content')));
      case 'reasoning_item_created':
        return yield* this.#wholeReasoning(raw);
      case 'tool_called':
        return yield* this.#call(raw);
      case 'tool_output':
        return yield {
          type: 'tool-result',
          id: idOf(raw) ?? `call-${this.#calls}`,
          output: member(item, 'output'),
        };
    }
  }

  *#message(content: readonly unknown[]): Parts {
    for (const part of content) {
      if (!this.#hasText && member(part, 'type') === 'output_text') {
        yield { type: 'text', text: textOf(member(part, 'text')) };
      }
      for (const cited of listOf(member(member(part, 'providerData'), 'annotations'))) {
        yield* webSource(member(cited, 'url'), member(cited, 'title'));
      }
    }
  }

  *#wholeReasoning(raw: unknown): Parts {
    if (this.#hasReasoning) return;
    const parts = [...listOf(member(raw, 'content')), ...listOf(member(raw, 'rawContent'))];
    const text = parts.map((part) => textOf(member(part, 'text'))).join('\n\n');
    if (text !== '') yield { type: 'reasoning', text };
  }

  /** A tool that the provider calls itself is done when it is heard of. */
  *#call(raw: unknown): Parts {
    this.#calls++;
    const id = idOf(raw) ?? `call-${this.#calls}`;
    const name = textOf(member(raw, 'name')) || textOf(member(raw, 'type'));
    yield { type: 'tool-call', id, name, input: valueOf(member(raw, 'arguments')) };
    if (member(raw, 'type') !== 'hosted_tool_call') return;
    yield { type: 'tool-result', id, output: member(raw, 'output') };
  }
}

function idOf(raw: unknown): string | undefined {
  return textOf(member(raw, 'callId')) || textOf(member(raw, 'id')) || undefined;
}
