// jims-core/testing: a person who talks with an app in a test, and models that say what the test wants.
export type { DeathPoint } from './testing/mortal-store.ts';
export type { Prompt, PromptMessage } from './testing/prompt.ts';
export { replayConversation } from './testing/replay-conversation.ts';
export type { ReplayOptions } from './testing/replay-conversation.ts';
export { scriptedModel, toolCall } from './testing/scripted-model.ts';
export type { ModelAnswer, ScriptedAnswer, ScriptedModel } from './testing/scripted-model.ts';
export type { SentEvent, TestAnswer } from './testing/test-answer.ts';
export { testUser } from './testing/test-user.ts';
export type { TestUser, TestUserOptions, TurnOptions } from './testing/test-user.ts';
