// A chat with a language model, which remembers what was said and streams its answer.
import { defineApp, isJimsError } from 'jims-core';
import type { ThreadContext } from 'jims-core';

const INSTRUCTIONS = {
  role: 'system',
  content: 'You are a friendly assistant. Answer briefly, in the language of the question.',
} as const;

const REMEMBERED_MESSAGES = 40;

async function answer(ctx: ThreadContext): Promise<void> {
  ctx.updateAgentStatus('Thinking…');
  await ctx.sendMessage(ctx.llm.stream([INSTRUCTIONS, ...ctx.context(REMEMBERED_MESSAGES)]));
}

/** Says what is missing where no model can be called, instead of failing. */
async function answerOrExplain(ctx: ThreadContext): Promise<void> {
  try {
    await answer(ctx);
  } catch (error) {
    if (!isJimsError(error) || error.code !== 'llm_unusable') throw error;
    ctx.sendMessage(
      `I have no language model yet. ${error.message}: put it into the file .env, as .env.example shows.`,
    );
  }
}

export const app = defineApp({
  name: 'my-bot',
  pipeline: answerOrExplain,
  conversationStartPipeline(ctx) {
    ctx.sendMessage('Hello! What would you like to know?');
  },
});
