import type {
  LanguageModelV4FinishReason,
  LanguageModelV4Reasoning,
  LanguageModelV4StreamPart,
  LanguageModelV4ToolCall,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';

import { BrokenAnswerError, ProviderReportError } from '../failures/errors.ts';
import { errorInAnswer } from '../failures/reported-error.ts';
import type { FinishReason } from '../finish-reasons.ts';
import type { Exchange } from '../transport/exchange.ts';
import { unusualUsage } from './answer.ts';
import type { Answer } from './answer.ts';
import { toolCallsIn } from './complete.ts';
import { finishReasonOf } from './finish-reason.ts';
import type { ToolCall } from './messages.ts';
import { providerDataOf } from './provider-data.ts';
import type { ProviderData } from './provider-data.ts';
import { StreamedThoughts } from './streamed-thoughts.ts';

/** A piece of an answer: of its text, or of what the model thinks before it. */
export interface AnswerPiece {
  readonly type: 'text' | 'reasoning';
  readonly text: string;
}

const NO_USAGE: LanguageModelV4Usage = {
  inputTokens: {
    total: undefined,
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/** Collects what the parts of a stream say about the answer. */
export class StreamedAnswer {
  readonly #exchange: Exchange;
  readonly #calls: LanguageModelV4ToolCall[] = [];
  readonly #reasoning = new Map<string, LanguageModelV4Reasoning>();
  readonly #thoughts = new StreamedThoughts();
  #id: string | undefined;
  #model: string;
  #usage = NO_USAGE;
  #unusualUsage: LanguageModelV4Usage | undefined;
  #finish: LanguageModelV4FinishReason = { unified: 'interrupted', raw: undefined };

  constructor(modelId: string, exchange: Exchange) {
    this.#model = modelId;
    this.#exchange = exchange;
  }

  /** The tool calls that the model wants the app to make. */
  get calls(): readonly ToolCall[] {
    return toolCallsIn(this.#calls);
  }

  /** The same, for the span of the call. */
  get tracedCalls(): readonly LanguageModelV4ToolCall[] {
    return this.#calls;
  }

  /** Gives the piece that a part is; `undefined` for other parts. Throws the error that a part reports. */
  read(part: LanguageModelV4StreamPart): AnswerPiece | undefined {
    switch (part.type) {
      case 'text-delta':
        return { type: 'text', text: part.delta };
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
        return this.#readThought(part);
      case 'tool-call':
        if (!part.providerExecuted) this.#calls.push(part);
        return undefined;
      default:
        this.#readMore(part);
        return undefined;
    }
  }

  #readMore(part: LanguageModelV4StreamPart): void {
    switch (part.type) {
      case 'raw':
        return this.#readChunk(part.rawValue);
      case 'response-metadata':
        this.#id = part.id ?? this.#id;
        this.#model = part.modelId ?? this.#model;
        return;
      case 'finish':
        this.#usage = part.usage;
        this.#finish = part.finishReason;
        return;
      case 'error':
        if (this.#exchange.done && lacksFinishReason(part.error)) return;
        throw errorOf(part.error);
      default:
    }
  }

  /** What its provider wants back with its tool calls; `undefined` for nothing. */
  providerData(provider: string): ProviderData | undefined {
    const content = [...this.#reasoning.values(), ...this.#calls];
    return providerDataOf({ content, message: this.#thoughts.message }, provider);
  }

  /** Its usage arrives at the end. */
  known(): Omit<Answer, 'parts'> {
    const counted = this.#usage.inputTokens.total !== undefined;
    return {
      id: this.#id,
      model: this.#model,
      finish: this.#finish.unified,
      usage: counted ? this.#usage : (this.#unusualUsage ?? this.#usage),
    };
  }

  /** @throws BrokenAnswerError for half an answer. */
  finishReason(): FinishReason {
    const { unified, raw } = this.#finish;
    if (raw !== undefined || (unified !== 'interrupted' && unified !== 'error')) {
      return finishReasonOf(this.#finish);
    }
    // Some servers give no reason, only `[DONE]`.
    if (this.#exchange.done) return 'other';
    throw new BrokenAnswerError('the stream ended before the answer was complete');
  }

  /** A signature comes with a thought's first piece, or its last. */
  #readThought(
    part: LanguageModelV4StreamPart & { readonly type: `reasoning-${'start' | 'delta' | 'end'}` },
  ): AnswerPiece | undefined {
    const delta = part.type === 'reasoning-delta' ? part.delta : '';
    const before = this.#reasoning.get(part.id);
    const providerMetadata = part.providerMetadata ?? before?.providerMetadata;
    this.#reasoning.set(part.id, {
      type: 'reasoning',
      text: (before?.text ?? '') + delta,
      ...(providerMetadata && { providerMetadata }),
    });
    return delta === '' ? undefined : { type: 'reasoning', text: delta };
  }

  /** Packages read a chunk as an answer where they can, and ignore an error beside it. */
  #readChunk(chunk: unknown): void {
    const error = errorInAnswer(chunk);
    if (error) throw new ProviderReportError(error);
    this.#unusualUsage = unusualUsage(chunk) ?? this.#unusualUsage;
    this.#thoughts.read(chunk);
  }
}

function lacksFinishReason(error: unknown): boolean {
  return Error.isError(error) && /without a finish reason/.test(error.message);
}

/** Packages report what goes wrong in a stream as errors, and sometimes as plain objects. */
function errorOf(error: unknown): Error {
  if (Error.isError(error)) return error;
  const reported = errorInAnswer({ error });
  return reported
    ? new ProviderReportError(reported)
    : new BrokenAnswerError('the provider reported an error in its stream');
}
