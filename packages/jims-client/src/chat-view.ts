import type {
  ChatButton,
  ChatFile,
  ChatMessage,
  ChatQuestion,
  ChatRun,
  ChatSnapshot,
  ChatSource,
} from './chat-snapshot.ts';
import type { ChatState, LiveMessage, LiveRun, OutgoingMessage } from './chat-state.ts';
import type { AskedQuestion, JsonObject, MessageFile, ThreadEvent } from './wire.ts';

export const CLICK = 'comm.user_button_click';

const NOTHING: readonly never[] = [];

/** What the data of an event has beside its text. */
type MessageParts = Pick<ChatMessage, 'buttons' | 'files' | 'sources'> & { readonly role: string };

/** Makes snapshots of states: what is equal to what it was stays the same object. */
export class ChatView {
  readonly #addressOf: (fileId: string) => string;
  readonly #parts = new WeakMap<object, MessageParts>();
  #byKey = new Map<string, ChatMessage>();
  #messages: readonly ChatMessage[] = NOTHING;
  #run: ChatRun | undefined;
  #asked: AskedQuestion | undefined;
  #question: ChatQuestion | undefined;
  #snapshot: ChatSnapshot | undefined;

  /** @param addressOf The address of a file. */
  constructor(addressOf: (fileId: string) => string) {
    this.#addressOf = addressOf;
  }

  snapshotOf(state: ChatState): ChatSnapshot {
    const { threadId, title, error, hasOlder, question, live } = state;
    if (this.#asked !== question) this.#question = question && questionOf(question);
    this.#asked = question;
    this.#run = live && !live.isOver ? same(this.#run, runOf(live)) : undefined;
    this.#snapshot = same(this.#snapshot, {
      threadId,
      title,
      messages: this.#messagesOf(state),
      status: statusOf(state),
      run: this.#run,
      question: this.#question,
      error,
      hasOlder,
    });
    return this.#snapshot;
  }

  #messagesOf(state: ChatState): readonly ChatMessage[] {
    const { log, live, outbox } = state;
    const byKey = new Map<string, ChatMessage>();
    const labels = new Map<string, string>();
    const add = (message: ChatMessage): void => {
      for (const { id, text } of message.buttons) labels.set(id, text);
      byKey.set(message.key, same(this.#byKey.get(message.key), message));
    };
    for (const event of log) add(this.#stored(event, state, labels));
    const stored = new Set(log.map(({ event_id }) => event_id));
    const answer = (live?.messages ?? []).filter(({ id }) => !stored.has(id));
    const isOfRun = ({ runId }: OutgoingMessage): boolean => runId !== undefined && runId === live?.runId;
    const first = outbox.filter(isOfRun).map(outgoing);
    const later = outbox.filter((each) => !isOfRun(each)).map(outgoing);
    const growing = live ? answer.map((message) => this.#growing(message, live, state)) : [];
    const all = live?.hasGreeting ? [...growing, ...first] : [...first, ...growing];
    for (const message of [...all, ...later]) add(message);
    this.#byKey = byKey;
    const messages = [...byKey.values()];
    const isSame =
      messages.length === this.#messages.length &&
      messages.every((message, index) => message === this.#messages[index]);
    if (!isSame) this.#messages = messages;
    return this.#messages;
  }

  #stored(
    { event_id: id, event_data, event_type: type, created_at, run_id }: ThreadEvent,
    { keys, made, live, feedback }: ChatState,
    labels: ReadonlyMap<string, string>,
  ): ChatMessage {
    const { role, ...parts } = this.#partsOf(event_data);
    const { content, reasoning, partial } = event_data;
    const seen = made[id] ?? live?.messages.find((message) => message.id === id);
    const text = String(content);
    return {
      id,
      key: keys[id] ?? id,
      role: role === 'user' ? role : 'assistant',
      text: (type === CLICK && labels.get(text)) || text,
      state: partial === true ? 'partial' : 'complete',
      type,
      createdAt: created_at,
      runId: run_id ?? (role === 'user' ? id : undefined),
      ...parts,
      tools: seen?.tools ?? NOTHING,
      reasoning: typeof reasoning === 'string' ? reasoning : (seen?.reasoning ?? ''),
      feedback: feedback[id],
    };
  }

  #growing(
    message: LiveMessage,
    { runId, isOver }: LiveRun,
    { feedback }: ChatState,
  ): ChatMessage {
    const { id, event, text, reasoning, tools } = message;
    const parts = this.#partsOf(event?.event_data ?? message);
    const whole = event ? 'complete' : 'growing';
    return {
      id,
      key: id,
      role: parts.role === 'user' ? 'user' : 'assistant',
      text: event ? String(event.event_data['content']) : text,
      state: isOver && !event ? 'partial' : whole,
      type: event?.event_type ?? 'comm.assistant_message',
      createdAt: undefined,
      runId,
      buttons: parts.buttons,
      files: parts.files,
      sources: parts.sources,
      tools,
      reasoning,
      feedback: feedback[id],
    };
  }

  #partsOf(data: JsonObject | LiveMessage): MessageParts {
    const known = this.#parts.get(data);
    if (known) return known;
    const { role, buttons, files, sources }: JsonObject = { ...data };
    const parts = {
      role: String(role),
      buttons: objects(buttons).map(buttonOf),
      files: objects<MessageFile>(files).map((file) => this.#fileOf(file)),
      sources: objects<ChatSource>(sources),
    };
    this.#parts.set(data, parts);
    return parts;
  }

  #fileOf({ file_id, name, media_type, size }: MessageFile): ChatFile {
    const url = this.#addressOf(file_id);
    return { fileId: file_id, name, mediaType: media_type, size, progress: 1, url };
  }
}

function outgoing({ key, text, state, type, runId, files }: OutgoingMessage): ChatMessage {
  return {
    id: runId ?? key,
    key,
    role: 'user',
    text,
    state: state === 'accepted' ? 'complete' : state,
    type,
    createdAt: undefined,
    runId,
    buttons: NOTHING,
    files,
    sources: NOTHING,
    tools: NOTHING,
    reasoning: '',
    feedback: undefined,
  };
}

function statusOf({ isLoading, isLost, live, outbox }: ChatState): ChatSnapshot['status'] {
  if (isLost) return 'reconnecting';
  if (isLoading) return 'loading';
  if (live && !live.isOver) return 'answering';
  if (outbox.some(({ state }) => state === 'sending')) return 'sending';
  const waits = ({ state, runId }: OutgoingMessage): boolean =>
    state === 'accepted' && runId !== live?.runId;
  return outbox.some(waits) ? 'answering' : 'ready';
}

function runOf({ runId, status, steps, attempt }: LiveRun): ChatRun {
  return { runId, status, steps, attempt };
}

function questionOf({ id, text, buttons, schema, expires_at }: AskedQuestion): ChatQuestion {
  return {
    id,
    ...(text !== undefined && { text }),
    buttons: objects(buttons).map(buttonOf),
    ...(schema && { schema }),
    expiresAt: expires_at,
  };
}

/** A button without an id is clicked by its text. */
function buttonOf({ id, text }: JsonObject): ChatButton {
  return { id: String(id ?? text), text: String(text ?? id) };
}

/** The objects of what should be a list of them. */
function objects<T extends object = JsonObject>(list: unknown): readonly T[] {
  if (!Array.isArray(list)) return NOTHING;
  return list.filter((each) => typeof each === 'object' && each !== null);
}

/** What is kept of an object that was made anew: the old one when all members are the same. */
function same<T extends object>(before: T | undefined, now: T): T {
  if (!before) return now;
  const names = Object.keys(now) as (keyof T)[];
  return names.every((name) => before[name] === now[name]) ? before : now;
}
