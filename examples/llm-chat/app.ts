// A chat that remembers and streams. MODEL says who answers, and its provider's variable has the key:
//   OPENAI_API_KEY=…                                    gpt-4.1-mini
//   MODEL=anthropic/claude-sonnet-5 ANTHROPIC_API_KEY=… needs: npm install @ai-sdk/anthropic
//   MODEL=ollama/qwen3                                  a model on this machine
import { defineApp } from 'jims-core';

const INSTRUCTIONS = {
  role: 'system',
  content: 'You are a friendly assistant. Answer briefly, in the language of the question.',
} as const;

const REMEMBERED_MESSAGES = 40;

export const app = defineApp({
  async pipeline(ctx) {
    ctx.updateAgentStatus('Thinking…');
    const conversation = ctx.context(REMEMBERED_MESSAGES);
    await ctx.sendMessage(ctx.llm.stream([INSTRUCTIONS, ...conversation]));
  },
  conversationStartPipeline(ctx) {
    ctx.sendMessage('Hello! What would you like to know?');
  },
});
