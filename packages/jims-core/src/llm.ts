// jims-core/llm: models outside of an app, and the types of `ctx.llm`.
export type { CallOptions } from './llm/call.ts';
export type { FinishReason } from './llm/finish-reasons.ts';
export type { ContentPart } from './llm/chat/content-parts.ts';
export type { AssistantMessage, ChatMessage, ChatMessages, ToolCall } from './llm/chat/messages.ts';
export type { ProviderData } from './llm/chat/provider-data.ts';
export type { ChatOptions } from './llm/chat/request.ts';
export type { StructuredOptions } from './llm/chat/structured.ts';
export type { Tool, ToolChoice, ToolsAnswer, ToolsOptions } from './llm/chat/tools.ts';
export { createLlmProvider } from './llm/llm-provider.ts';
export type { AnswerStream, Llm, LlmProvider, LlmRunOptions } from './llm/llm.ts';
export type { AnswerPiece } from './llm/chat/streamed-answer.ts';
export type { RunAnswer } from './llm/tools/run-answer.ts';
export { defineTool } from './llm/tools/run-options.ts';
export type {
  AnswerPart,
  RoundOptions,
  RunCall,
  RunOptions,
  RunRound,
  RunSoFar,
  RunTool,
  RunTools,
  ToolScope,
} from './llm/tools/run-options.ts';
export type { RankedDocument, RerankOptions } from './llm/rerank.ts';
export type { AnswerSchema } from './llm/schemas/json-schema.ts';
export type { ChatModel, CompatibleServer, EmbeddingsModel, LlmSettings } from './llm/settings.ts';
export { readUsage } from './llm/usage.ts';
export type { CallUsage, ModelUsage } from './llm/usage.ts';
export type { ModelNews, ModelTrace, ModelTraces } from './telemetry/trace.ts';
