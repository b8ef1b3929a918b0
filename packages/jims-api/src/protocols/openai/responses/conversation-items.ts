// What was said in a thread, as the items of a conversation.
import type { JimsApp, NewEvent, Thread } from 'jims-core';

import { assistantText, userText } from '../../../chat/said.ts';
import { messageId } from './ids.ts';

export interface ConversationItem {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'user' | 'assistant';
  readonly status: 'completed' | 'incomplete';
  readonly content: readonly { readonly type: string; readonly text: string }[];
}

/** How much text it has. */
export function sizeOfItem({ content }: ConversationItem): number {
  return content.reduce((sum, { text }) => sum + text.length, 0);
}

/** All that was said, oldest first. */
export async function* conversationItems(
  app: JimsApp,
  thread: Thread,
): AsyncGenerator<ConversationItem> {
  let question: string | undefined;
  for await (const events of app.threads.allEvents(thread)) {
    for (const event of events) {
      if (userText(event) !== undefined) question = event.id;
      yield* toItem(event, question);
    }
  }
}

/** An event as an item; none for what was not said. `runId` is that of the question before it. */
export function toItem(event: NewEvent, runId: string | undefined): ConversationItem[] {
  const id = messageId(event.id, runId);
  const asked = userText(event);
  if (asked !== undefined) {
    const content = [{ type: 'input_text', text: asked }];
    return [{ id, type: 'message', role: 'user', status: 'completed', content }];
  }
  const text = assistantText(event);
  if (text === undefined) return [];
  const status = event.data['partial'] === true ? 'incomplete' : 'completed';
  const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }];
  return [{ id, type: 'message', role: 'assistant', status, content }];
}
