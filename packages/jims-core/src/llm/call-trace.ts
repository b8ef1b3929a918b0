import { describeError } from '../errors/jims-error.ts';
import type { ModelTrace, TracedAnswer } from '../telemetry/trace.ts';
import { boundedJson, boundedText } from '../text/bounded-json.ts';
import { parsedJson } from './foreign-json.ts';
import { tracedRequest, tracedTexts } from './traced-request.ts';
import type { SentRequest, TracedPart } from './traced-request.ts';
import { sumOfCosts } from './usage.ts';
import type { CallUsage } from './usage.ts';

/** The longest text of an answer that is kept. */
const MAX_TEXT = 20_000;
const MAX_CALLS = 50;
const MAX_INPUT = 4000;
const MAX_RANKED = 200;

/** What of one call of a model is kept in the trace of its run. */
export class CallTrace {
  readonly #trace: ModelTrace;
  readonly #pieces = { text: '', reasoning: '' };
  #hasPieces = false;

  constructor(trace: ModelTrace) {
    this.#trace = trace;
  }

  request(request: SentRequest): void {
    this.#trace.add({ request: tracedRequest(request, this.#trace.room) });
  }

  /** What is embedded, or ranked for a query. */
  texts(texts: readonly string[], query?: string): void {
    this.#trace.add({ request: tracedTexts(texts, query, this.#trace.room) });
  }

  retried(tries: number): void {
    this.#trace.add({ tries });
  }

  /** A piece of a stream. */
  piece({ type, text }: { readonly type: 'text' | 'reasoning'; readonly text: string }): void {
    if (!this.#hasPieces) this.#trace.add({ firstPieceMs: this.#trace.ms });
    this.#hasPieces = true;
    // One character more than is kept shows that something is missing.
    const room = MAX_TEXT + 1 - this.#pieces[type].length;
    if (room > 0) this.#pieces[type] += text.slice(0, room);
  }

  /** An answer was paid for: those of all tries count. */
  paid(usage: CallUsage): void {
    const { tokens: before, costUsd: costBefore } = this.#trace.entry;
    this.#trace.add({
      tokens: {
        prompt: usage.promptTokens + (before?.prompt ?? 0),
        completion: usage.completionTokens + (before?.completion ?? 0),
        cached: usage.cachedTokens + (before?.cached ?? 0),
      },
      costUsd: sumOfCosts([costBefore, usage.costUsd]) ?? null,
    });
  }

  /** The content of an answer; that of a stream came in pieces, except for its calls. */
  answer(parts: readonly TracedPart[], finishReason: string): void {
    const text = this.#textOf('text', parts);
    const reasoning = this.#textOf('reasoning', parts);
    const toolCalls = parts.flatMap(callIn).slice(0, MAX_CALLS);
    this.#trace.add({
      answer: {
        text,
        ...(reasoning !== '' && { reasoning }),
        ...(toolCalls.length > 0 && { toolCalls }),
        finishReason,
      },
    });
  }

  vectors(vectors: readonly (readonly number[])[]): void {
    const dimensions = vectors[0]?.length ?? 0;
    this.#trace.add({ answer: { text: '', vectors: { count: vectors.length, dimensions } } });
  }

  ranking(ranked: readonly { readonly index: number; readonly score: number }[]): void {
    const ranking = ranked.slice(0, MAX_RANKED).map(({ index, score }) => ({ index, score }));
    this.#trace.add({ answer: { text: '', ranking } });
  }

  end(error: unknown): void {
    if (error !== undefined) this.#trace.add({ error: describeError(error).message });
    this.#trace.end();
  }

  #textOf(type: 'text' | 'reasoning', parts: readonly TracedPart[]): string {
    if (this.#hasPieces) return boundedText(this.#pieces[type], MAX_TEXT);
    const whole = parts.map((part) => (part.type === type && 'text' in part ? part.text : ''));
    return boundedText(whole.join(''), MAX_TEXT);
  }
}

function callIn(part: TracedPart): NonNullable<TracedAnswer['toolCalls']> {
  const isCall = 'toolCallId' in part && 'toolName' in part && 'input' in part;
  if (part.type !== 'tool-call' || !isCall) return [];
  const { toolCallId, toolName, input } = part;
  const value = typeof input === 'string' ? (parsedJson(input) ?? input) : input;
  return [{ id: String(toolCallId), name: String(toolName), input: boundedJson(value, MAX_INPUT) }];
}
