import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';

/** What a fake model answers: text, or text, thoughts and tool calls. */
export type FakeAnswer =
  | string
  | {
      readonly text?: string;
      /** What it thinks before. */
      readonly reasoning?: string;
      /** The tools that it wants, one after another. Text as `input` is sent as it is, JSON or not. */
      readonly calls?: readonly { readonly name: string; readonly input?: object | string }[];
    };

/** A model that gives the answers of a test. */
export interface FakeModel extends LanguageModelV4 {
  /** What it was asked, in order: the prompts in the form of the AI SDK's providers. */
  readonly requests: readonly LanguageModelV4CallOptions[];
}

/**
 * Makes a model that gives these answers, one for each request, streamed word by word where that is asked
 * for. After the last one it fails.
 *
 * @example
 * ```ts
 * const model = fakeModel([{ calls: [{ name: 'find_order', input: { id: '7' } }] }, 'It is on its way.']);
 * const [turn] = await runPipeline(pipeline, ['Where is my order?'], { llm: { model } });
 * ```
 */
export function fakeModel(answers: readonly FakeAnswer[]): FakeModel {
  const requests: LanguageModelV4CallOptions[] = [];

  async function answer(options: LanguageModelV4CallOptions): Promise<WholeAnswer> {
    requests.push(options);
    const next = answers[requests.length - 1];
    if (next === undefined) {
      throw new Error(`The fake model has ${answers.length} answers, and was asked once more`);
    }
    return wholeAnswer(next, requests.length);
  }

  return {
    specificationVersion: 'v4',
    provider: 'fake',
    modelId: 'fake',
    supportedUrls: {},
    requests,
    async doGenerate(options) {
      return { ...(await answer(options)), usage: USAGE, warnings: [] };
    },
    async doStream(options) {
      return { stream: ReadableStream.from(partsOf(await answer(options))) };
    },
  };
}

interface WholeAnswer {
  readonly content: LanguageModelV4Content[];
  readonly finishReason: LanguageModelV4FinishReason;
}

const USAGE: LanguageModelV4Usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

function wholeAnswer(given: FakeAnswer, request: number): WholeAnswer {
  const { text, reasoning, calls = [] } = typeof given === 'string' ? { text: given } : given;
  const unified = calls.length > 0 ? 'tool-calls' : 'stop';
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
