import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';

import { JimsError } from '../errors/jims-error.ts';
import { cutText } from '../text/clean-text.ts';
import { promptOf, shownRequest } from './prompt.ts';
import type { Prompt } from './prompt.ts';

/** What a model wants or says in one answer. */
export interface ModelAnswer {
  readonly text?: string;
  /** What it thinks before. */
  readonly reasoning?: string;
  /** The tools that it wants, in order. Text as `input` is sent as it is, JSON or not. */
  readonly calls?: readonly { readonly name: string; readonly input?: unknown }[];
  /** How it ends; default: `stop`, or `tool-calls`. `length`: it was cut off. */
  readonly finishReason?: string;
}

/**
 * One answer of a scripted model: text, calls of tools, an object as JSON (for structured answers), what the
 * request fails with (an error of a provider, or the message that the app gets), or a function that makes the
 * answer from the prompt.
 */
export type ScriptedAnswer =
  | string
  | ModelAnswer
  | readonly ModelAnswer[]
  | { readonly json: unknown }
  | { readonly error: string }
  | Error
  | ((prompt: Prompt) => ScriptedAnswer);

/** A model that gives the answers of a test. It is a model of the AI SDK. */
export interface ScriptedModel extends LanguageModelV4 {
  /** What it was sent, in order: the messages of each request. */
  readonly prompts: readonly Prompt[];
  /** The same in the form of the AI SDK, with tools and settings. */
  readonly requests: readonly LanguageModelV4CallOptions[];
  /**
   * Checks that all answers were used.
   *
   * @throws Error that names those that were not.
   */
  done(): void;
}

/**
 * A call of a tool, as an answer of a scripted model. Several calls in one answer are an array of these.
 *
 * @example
 * const model = scriptedModel([[toolCall('find', { id: '7' }), toolCall('find', { id: '8' })], 'Both are on their way.']);
 */
export function toolCall(name: string, input: object | string = {}): ModelAnswer {
  return { calls: [{ name, input }] };
}

/**
 * Makes a model that gives these answers, one for each request, in order. Text is streamed word by word where
 * that is wanted. A request after the last answer fails, and the error shows its prompt.
 *
 * @example
 * ```ts
 * const model = scriptedModel([toolCall('lookup', { id: 'A17' }), 'It is on its way.']);
 * const user = testUser(app, { model });
 * const answer = await user.say('Where is A17?');
 * ```
 */
export function scriptedModel(answers: readonly ScriptedAnswer[]): ScriptedModel {
  const requests: LanguageModelV4CallOptions[] = [];
  const prompts: Prompt[] = [];

  function answer(request: LanguageModelV4CallOptions): WholeAnswer {
    requests.push(request);
    const prompt = promptOf(request);
    prompts.push(prompt);
    const next = answers[requests.length - 1];
    if (next === undefined) throw noAnswer(answers.length, requests);
    return wholeAnswer(answerOf(next, prompt), requests.length);
  }

  const model: ScriptedModel = {
    specificationVersion: 'v4',
    provider: 'scripted',
    modelId: 'scripted',
    supportedUrls: {},
    requests,
    prompts,
    async doGenerate(request) {
      return { ...answer(request), usage: USAGE, warnings: [] };
    },
    async doStream(request) {
      return { stream: ReadableStream.from(partsOf(answer(request))) };
    },
    done() {
      const left = answers.slice(requests.length);
      if (left.length === 0) return;
      const shown = left.map(
        (each, index) => `\n  ${requests.length + index + 1}. ${shownAnswer(each)}`,
      );
      throw new Error(
        `The scripted model has ${answers.length} answers, and got ${requests.length} requests. Not used:${shown.join('')}`,
      );
    },
  };
  return model;
}

/** By the requests of a model, which copies of it share. */
const ranOut = new WeakMap<object, Error>();

/**
 * The error of the first request for which a model had no answer. An app may turn it into an apology: a test
 * must not take that for an answer.
 */
export function errorOfMissingAnswer(model: LanguageModelV4): Error | undefined {
  return 'requests' in model ? ranOut.get(Object(model.requests)) : undefined;
}

function noAnswer(count: number, requests: readonly LanguageModelV4CallOptions[]): Error {
  const has = count === 1 ? '1 answer' : `${count} answers`;
  const request = requests.at(-1);
  const error = new Error(
    `The scripted model has ${has}, and this is one request more:\n${request ? shownRequest(request) : ''}`,
  );
  if (!ranOut.has(requests)) ranOut.set(requests, error);
  return error;
}

type PlainAnswer = string | ModelAnswer;

function answerOf(given: ScriptedAnswer, prompt: Prompt): PlainAnswer {
  if (typeof given === 'function') return answerOf(given(prompt), prompt);
  if (Error.isError(given)) throw given;
  if (typeof given === 'string') return given;
  if (isList(given)) return together(given);
  if ('error' in given) throw new JimsError('llm_failed', given.error);
  if ('json' in given) return JSON.stringify(given.json);
  return given;
}

function isList(given: ScriptedAnswer): given is readonly ModelAnswer[] {
  return Array.isArray(given);
}

/** Several answers as one. */
function together(answers: readonly ModelAnswer[]): ModelAnswer {
  const text = answers.map((each) => each.text ?? '').join('');
  const reasoning = answers.map((each) => each.reasoning ?? '').join('');
  return {
    ...(text !== '' && { text }),
    ...(reasoning !== '' && { reasoning }),
    calls: answers.flatMap(({ calls = [] }) => calls),
  };
}

const MAX_SHOWN = 200;

function shownAnswer(answer: ScriptedAnswer): string {
  if (typeof answer === 'function') return 'a function';
  if (Error.isError(answer)) return `the error '${answer.message}'`;
  const shown = typeof answer === 'string' ? answer : JSON.stringify(answer);
  return cutText(shown, MAX_SHOWN);
}

interface WholeAnswer {
  readonly content: LanguageModelV4Content[];
  readonly finishReason: LanguageModelV4FinishReason;
}

const USAGE: LanguageModelV4Usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

const FINISH_REASONS = [
  'stop',
  'length',
  'content-filter',
  'tool-calls',
  'error',
  'other',
] as const;

function wholeAnswer(given: PlainAnswer, request: number): WholeAnswer {
  const {
    text,
    reasoning,
    calls = [],
    finishReason,
  } = typeof given === 'string' ? { text: given } : given;
  const wanted = finishReason ?? (calls.length > 0 ? 'tool-calls' : 'stop');
  const unified = FINISH_REASONS.find((known) => known === wanted.replaceAll('_', '-')) ?? 'other';
  return {
    content: [
      ...(reasoning === undefined ? [] : [{ type: 'reasoning' as const, text: reasoning }]),
      ...(text === undefined ? [] : [{ type: 'text' as const, text }]),
      ...calls.map(({ name: toolName, input = {} }, index) => ({
        type: 'tool-call' as const,
        toolCallId: `call-${request}-${index + 1}`,
        toolName,
        input: typeof input === 'string' ? input : JSON.stringify(input),
      })),
    ],
    finishReason: { unified, raw: undefined },
  };
}

function* partsOf({ content, finishReason }: WholeAnswer): Generator<LanguageModelV4StreamPart> {
  yield { type: 'stream-start', warnings: [] };
  for (const [index, part] of content.entries()) {
    const id = String(index);
    if (part.type === 'tool-call') yield part;
    if (part.type !== 'text' && part.type !== 'reasoning') continue;
    yield { type: `${part.type}-start`, id };
    for (const delta of part.text.split(/(?<=\s)/)) yield { type: `${part.type}-delta`, id, delta };
    yield { type: `${part.type}-end`, id };
  }
  yield { type: 'finish', usage: USAGE, finishReason };
}
