import { membersOf } from '../foreign-json.ts';
import type { Members } from '../foreign-json.ts';

const INTERRUPTED = '{"error":"The call was interrupted: nobody knows what came of it"}';

interface Call<Message> {
  readonly id: string;
  result: Message | undefined;
}

/** What stands for a result that is missing. */
interface NoResult {
  readonly role: 'tool';
  readonly tool_call_id: string;
  readonly content: string;
}

/**
 * Puts the result of each tool call after its call, as providers demand, whatever part of a conversation
 * the messages are: a result whose call is missing is left out, and a call without a result gets one that
 * says so. Ids may come again: a result belongs to the newest call before it.
 */
export function inPairs<Message>(messages: readonly Message[]): readonly (Message | NoResult)[] {
  if (!messages.some(isOfTool)) return messages;
  const calls = new Map<string, Call<Message>>();
  const entries: { readonly message: Message; readonly calls: readonly Call<Message>[] }[] = [];
  for (const message of messages) {
    const { role, tool_call_id: id } = membersOf(message);
    if (role !== 'tool' || typeof id !== 'string') {
      const made = callsOf(membersOf(message)).map((each): Call<Message> => ({
        id: each,
        result: undefined,
      }));
      for (const call of made) calls.set(call.id, call);
      entries.push({ message, calls: made });
      continue;
    }
    const call = calls.get(id);
    if (call) call.result ??= message;
  }
  const paired: (Message | NoResult)[] = [];
  for (const { message, calls: made } of entries) {
    paired.push(message);
    for (const { id, result } of made) paired.push(result ?? interrupted(id));
  }
  return paired;
}

function isOfTool(message: unknown): boolean {
  const { role, tool_calls: calls } = membersOf(message);
  return role === 'tool' || calls !== undefined;
}

function callsOf({ role, tool_calls: calls }: Members): readonly string[] {
  if (role !== 'assistant' || !Array.isArray(calls)) return [];
  return calls.map((call) => membersOf(call)['id']).filter((id) => typeof id === 'string');
}

function interrupted(id: string): NoResult {
  return { role: 'tool', tool_call_id: id, content: INTERRUPTED };
}
