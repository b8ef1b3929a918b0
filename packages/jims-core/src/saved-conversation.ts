// jims-core/saved-conversation: a conversation as JSON, to be replayed as a test. Pure: it runs in browsers, too.
export { saveConversation } from './testing/save-conversation.ts';
export type {
  RecordedConversation,
  RecordedEvent,
  RecordedRun,
} from './testing/save-conversation.ts';
export type {
  SavedAction,
  SavedConversation,
  SavedEvent,
  SavedExpectation,
  SavedModelAnswer,
  SavedToolCall,
  SavedTurn,
} from './testing/saved-conversation.ts';
