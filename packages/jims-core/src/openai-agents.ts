// jims-core/openai-agents: runs of @openai/agents as messages.
export { fromOpenAiAgents } from './adapters/openai-agents.ts';
export type { OpenAiAgentsEvent } from './adapters/openai-agents.ts';
