import { parsedJson } from '../../llm/foreign-json.ts';
import { readUsage, sumOfCosts } from '../../llm/usage.ts';
import type { JournalEntry } from '../../store/store.ts';
import type { ModelEntry, StepEntry, TracedAnswer, TracedTokens } from '../../telemetry/trace.ts';
import type { JsonObject } from '../../thread/event.ts';
import { failureFrom } from '../step-work.ts';

type Content<TEntry> = Omit<TEntry, 'at' | 'ms'>;

/**
 * A step whose result is in a journal; also a message that was made piece by piece, and a question with
 * its answer.
 */
export function replayedStep(
  entry: JournalEntry,
  bounded: (value: unknown) => unknown,
  answer?: JsonObject,
): Content<StepEntry> {
  const { kind, nth, outcome } = entry;
  const name = entry.name === '' ? NAMES[kind] : entry.name;
  return {
    kind: 'step',
    id: `${name}/${nth}`,
    name,
    isReplayed: true,
    ...(outcome.kind === 'error'
      ? { status: 'failed', error: failureFrom(outcome).message }
      : { status: 'completed', output: bounded(answer ?? valueOf(entry)) }),
  };
}

/** A call of a model whose answer is in a journal. */
export function replayedModel(
  entry: JournalEntry,
  bounded: (value: unknown) => unknown,
): Content<ModelEntry> {
  const { name, outcome, usage } = entry;
  const used = readUsage(usage) ?? [];
  return {
    kind: 'model',
    operation: OPERATIONS[name] ?? name,
    provider: '',
    model: used[0]?.model ?? '',
    request: null,
    answer: outcome.kind === 'error' ? null : answerOf(valueOf(entry), bounded),
    tokens: used.length > 0 ? tokensOf(used) : null,
    costUsd: sumOfCosts(used.map(({ costUsd }) => costUsd)) ?? null,
    tries: 0,
    firstPieceMs: null,
    error: outcome.kind === 'error' ? failureFrom(outcome).message : null,
    isReplayed: true,
  };
}

const NAMES: Readonly<Record<JournalEntry['kind'], string>> = {
  step: 'step',
  stream: 'message',
  model: 'model',
  ask: 'question',
};

/** The methods of `ctx.llm` by the names that journals have for them. */
const OPERATIONS: Readonly<Record<string, string>> = {
  'llm.chat': 'complete',
  'llm.structured': 'structured',
  'llm.tools': 'tools',
  'llm.stream': 'stream',
  'llm.run': 'run',
};

function valueOf({ outcome }: JournalEntry): unknown {
  if (outcome.kind === 'asked') return { question_id: outcome.questionId };
  if (outcome.kind === 'error' || outcome.json === undefined) return undefined;
  return parsedJson(outcome.json);
}

function tokensOf(used: NonNullable<ReturnType<typeof readUsage>>): TracedTokens {
  const sum = (count: (usage: (typeof used)[number]) => number): number =>
    used.reduce((total, usage) => total + count(usage), 0);
  return {
    prompt: sum(({ promptTokens }) => promptTokens),
    completion: sum(({ completionTokens }) => completionTokens),
    cached: sum(({ cachedTokens }) => cachedTokens),
  };
}

/** What is kept of an answer is another thing for each method. */
function answerOf(value: unknown, bounded: (value: unknown) => unknown): TracedAnswer {
  const text = textOf(value);
  return { text: String(bounded(text ?? JSON.stringify(value) ?? '')) };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return typeof value[0] === 'string' ? value[0] : undefined;
  if ('content' in value && typeof value.content === 'string') return value.content;
  if ('message' in value) return textOf(value.message);
  if ('parts' in value && Array.isArray(value.parts)) {
    const parts: readonly unknown[] = value.parts;
    return parts.map(partText).join('');
  }
  return undefined;
}

function partText(part: unknown): string {
  const isText = typeof part === 'object' && part !== null && 'type' in part && 'text' in part;
  return isText && part.type === 'text' ? String(part.text) : '';
}
