import type { Call } from '../../../http/route.ts';
import type { ChatCompletionAsk } from './decode.ts';

/** How Open WebUI's and LibreChat's own questions begin: for titles, tags, follow-ups, searches. */
const BEGINNINGS = ['### Task:', 'Provide a concise, 5-word-or-less title for the conversation'];

/**
 * Whether a front end asks for something of its own, under the id of a chat that goes on meanwhile:
 * that must not get into the chat's thread.
 */
export function isSideTask({ request }: Call, { earlier, incoming }: ChatCompletionAsk): boolean {
  if (request.headers.get('x-jims-task')?.trim()) return true;
  const text = String(incoming.data['content']).trimStart();
  return earlier.length === 0 && BEGINNINGS.some((beginning) => text.startsWith(beginning));
}
