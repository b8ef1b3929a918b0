import { newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';

const CALLBACK = 'btn:';

/**
 * What a user says in a protocol that knows texts only: `btn:<id>` is a click on a button, anything
 * else a message, unless the client names another type.
 */
export function userEvent(text: string, eventType?: string): NewEvent {
  const click = text.startsWith(CALLBACK);
  const type = eventType ?? (click ? 'comm.user_button_click' : 'comm.user_message');
  return newEvent(type, { role: 'user', content: userContent(text) });
}

/** A text of the user as the log has it. */
export function userContent(text: string): string {
  return text.startsWith(CALLBACK) ? text.slice(CALLBACK.length) : text;
}
