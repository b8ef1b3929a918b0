// jims-core/llm: models outside of an app, and the types of `ctx.llm`.
export type { AnswerStream } from './llm/answer-stream.ts';
export type { CallOptions } from './llm/call.ts';
export type { ChatOptions } from './llm/chat-request.ts';
export type { ContentPart } from './llm/content-parts.ts';
export type { FinishReason } from './llm/finish-reason.ts';
export type { AnswerSchema } from './llm/json-schema.ts';
export { createLlmProvider } from './llm/llm-provider.ts';
export type {
  Llm,
  LlmProvider,
  LlmRun,
  StructuredOptions,
  ToolsAnswer,
  ToolsOptions,
} from './llm/llm.ts';
export type { AssistantMessage, ChatMessage, ChatMessages, ToolCall } from './llm/messages.ts';
export type { ProviderData } from './llm/provider-data.ts';
export type { RankedDocument, RerankOptions } from './llm/rerank.ts';
export type { ChatModel, CompatibleServer, EmbeddingsModel, LlmSettings } from './llm/settings.ts';
export type { Tool, ToolChoice } from './llm/tools.ts';
export { readUsage } from './llm/usage.ts';
export type { CallUsage, ModelUsage } from './llm/usage.ts';
