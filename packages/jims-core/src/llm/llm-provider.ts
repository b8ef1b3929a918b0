import type { LanguageModelV4 } from '@ai-sdk/provider';

import { answerStream } from './answer-stream.ts';
import type { AnswerStream } from './answer-stream.ts';
import type { CallOptions, LlmScope } from './call.ts';
import type { ChatOptions, ChatRequest } from './chat-request.ts';
import type { Environment } from './environment.ts';
import type { Llm, LlmProvider, LlmRun } from './llm.ts';
import type { ChatMessages } from './messages.ts';
import type { Models, UsableModel } from './models.ts';
import { resolveLlmSettings } from './settings.ts';
import type { LlmSettings, ResolvedLlmSettings } from './settings.ts';
import { createUsageSum } from './usage.ts';

interface Prepared {
  readonly target: UsableModel<LanguageModelV4>;
  readonly request: ChatRequest;
}

/**
 * Makes the models of an app. What the settings leave out is read from `env`, keys when a model is
 * first used. No provider's package is loaded before that.
 *
 * @throws JimsError `llm_unusable` for a variable that is not what it should be.
 */
export function createLlmProvider(
  settings: LlmSettings = {},
  env: Environment = process.env,
): LlmProvider {
  const resolved = resolveLlmSettings(settings, env);
  let loading: Promise<Models> | undefined;
  function models(): Promise<Models> {
    loading ??= import('./models.ts').then(({ createModels }) => createModels(resolved));
    return loading;
  }
  const forRun = (run: LlmRun): Llm => createLlm(models, resolved, run);
  return Object.assign(createLlm(models, resolved, {}), { forRun });
}

/** The models of one run: its own signal, sums and choice of model. */
function createLlm(
  models: () => Promise<Models>,
  own: ResolvedLlmSettings,
  { signal, over, threadId, observe, traceContent = own.traceContent }: LlmRun,
): Llm {
  const settings = { ...own, traceContent };
  let { model } = settings;
  const sum = createUsageSum();
  const scope: LlmScope = {
    settings,
    signal,
    threadId,
    observe(usage) {
      sum.add(usage);
      observe?.(usage);
    },
  };

  const streamSignals = [signal, over].filter((each) => each !== undefined);
  const streamScope = { ...scope, signal: AbortSignal.any(streamSignals) };
  const open = new Set<AnswerStream>();
  // One that nobody reads on is told by nobody else that it has ended.
  over?.addEventListener('abort', () => {
    for (const stream of open) stream.return().catch(() => {});
  });

  async function prepare(messages: ChatMessages, options: ChatOptions): Promise<Prepared> {
    const { chatRequest } = await import('./chat-request.ts');
    const target = await (await models()).chat(options.model ?? model);
    return { target, request: chatRequest(target, messages, options) };
  }

  async function createEmbeddings(
    texts: readonly string[],
    options: CallOptions = {},
  ): Promise<number[][]> {
    const { embed } = await import('./embeddings.ts');
    const target = await (await models()).embeddings(settings.embeddingsModel);
    return embed(scope, target, texts, options);
  }

  return {
    async chatCompletionPlain(messages, options = {}) {
      const { target, request } = await prepare(messages, options);
      const { complete, messageMaker } = await import('./complete.ts');
      return complete(scope, target, { request, options }, messageMaker(target, options));
    },

    async chatCompletionStructured(messages, schema, options = {}) {
      const { target, request } = await prepare(messages, options);
      const { completeStructured } = await import('./structured.ts');
      const name = options.name ?? 'response';
      return completeStructured(scope, target, { request, options, schema, name });
    },

    async chatCompletionWithTools(messages, tools, options = {}) {
      const { target, request } = await prepare(messages, options);
      const { callsAsMeant, withTools } = await import('./tools.ts');
      const { complete, messageMaker } = await import('./complete.ts');
      const asked = { request: await withTools(request, tools, options.toolChoice), options };
      const accept = messageMaker(target, options, (calls) => callsAsMeant(calls, tools));
      const message = await complete(scope, target, asked, accept);
      const { tool_calls: toolCalls = [], finishReason } = message;
      return { message, toolCalls, finishReason };
    },

    stream(messages, options = {}) {
      const stream = answerStream(async function* (end) {
        open.add(stream);
        try {
          const { target, request } = await prepare(messages, options);
          const { streamChat } = await import('./stream.ts');
          yield* streamChat(streamScope, target, { request, options }, end);
        } finally {
          open.delete(stream);
        }
      });
      return stream;
    },

    async createEmbedding(text, options) {
      const [vector] = await createEmbeddings([text], options);
      return vector ?? [];
    },

    createEmbeddings,

    async rerank(query, documents, options = {}) {
      const { rerank } = await import('./rerank.ts');
      return rerank(scope, { query, documents }, options);
    },

    setModel(next) {
      model = next;
    },

    get usage() {
      return sum.total;
    },
  };
}
