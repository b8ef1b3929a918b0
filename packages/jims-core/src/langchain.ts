// jims-core/langchain: events of LangChain and LangGraph as messages.
export { fromLangChain } from './adapters/langchain.ts';
export type { LangChainEvent, LangChainOptions } from './adapters/langchain.ts';
