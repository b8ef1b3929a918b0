import type {
  ChatButton,
  ChatMessage,
  ChatQuestion,
  ChatRun,
  ChatSnapshot,
  ChatSource,
} from './chat-snapshot.ts';
import type { ChatState, LiveRun, OutgoingMessage } from './chat-state.ts';
import type { AskedQuestion, JsonObject, MessageFile } from './wire.ts';

export const CLICK = 'comm.user_button_click';

const NOTHING: readonly never[] = [];

/** What every message has. */
const BLANK = {
  state: 'complete',
  role: 'assistant',
  type: 'comm.assistant_message',
  createdAt: undefined,
  runId: undefined,
  buttons: NOTHING,
  files: NOTHING,
  sources: NOTHING,
  tools: NOTHING,
  reasoning: '',
  feedback: undefined,
} as const;

type MessageParts = Pick<ChatMessage, 'buttons' | 'files' | 'sources'>;

/** Makes snapshots of states: what is equal to what it was stays the same object. */
export class ChatView {
  readonly #addressOf: (fileId: string) => string;
  /** What the data of a message has beside its text. */
  readonly #parts = new WeakMap<object, MessageParts>();
  readonly #questions = new WeakMap<AskedQuestion, ChatQuestion>();
  #byKey = new Map<string, ChatMessage>();
  #messages: readonly ChatMessage[] = NOTHING;
  #run: ChatRun | undefined;
  #snapshot: ChatSnapshot | undefined;

  /** @param addressOf The address of a file. */
  constructor(addressOf: (fileId: string) => string) {
    this.#addressOf = addressOf;
  }

  snapshotOf(state: ChatState): ChatSnapshot {
    const { threadId, title, error, hasOlder, question, live } = state;
    this.#run = live && !live.isOver ? same(this.#run, runOf(live)) : undefined;
    const messages = [...this.#messagesOf(state)];
    this.#messages = same(this.#messages, messages);
    this.#snapshot = same(this.#snapshot, {
      threadId,
      title,
      messages: this.#messages,
      status: statusOf(state),
      run: this.#run,
      question: question && memo(this.#questions, question, questionOf),
      error,
      hasOlder,
    });
    return this.#snapshot;
  }

  #messagesOf({ log, live, made, outbox, keys, feedback }: ChatState): Iterable<ChatMessage> {
    const before = this.#byKey;
    const byKey = (this.#byKey = new Map());
    const labels = new Map<string, string>();
    const add = (
      message: Partial<ChatMessage> & Pick<ChatMessage, 'id' | 'text'>,
      data?: object,
    ): void => {
      const { id, text } = message;
      const key = message.key ?? keys[id] ?? id;
      const parts = data && memo(this.#parts, data, this.#partsOf);
      for (const button of parts?.buttons ?? []) labels.set(button.id, button.text);
      const now = { ...BLANK, feedback: feedback[id], ...message, ...parts, key };
      if (now.type === CLICK) now.text = labels.get(text) ?? text;
      byKey.set(key, same(before.get(key), now));
    };
    const stored = new Set<string>();
    for (const { event_id: id, event_data, event_type: type, created_at, run_id } of log) {
      const { role, content, reasoning, partial } = event_data;
      const isUser = role === 'user';
      const seen = made[id] ?? live?.messages.find((message) => message.id === id);
      stored.add(id);
      const message = {
        id,
        type,
        role: isUser ? ('user' as const) : ('assistant' as const),
        text: `${content}`,
        state: partial === true ? ('partial' as const) : ('complete' as const),
        createdAt: created_at,
        runId: run_id ?? (isUser ? id : undefined),
        tools: seen?.tools ?? NOTHING,
        reasoning: `${reasoning ?? seen?.reasoning ?? ''}`,
      };
      add(message, event_data);
    }
    const sent = (isOfRun: boolean): void => {
      for (const { runId, ...message } of outbox) {
        if ((runId !== undefined && runId === live?.runId) !== isOfRun) continue;
        add({ id: runId ?? message.key, runId, role: 'user', ...message });
      }
    };
    if (!live?.hasGreeting) sent(true);
    for (const message of live?.messages ?? []) {
      const { id, event, reasoning, tools } = message;
      if (stored.has(id)) continue;
      const cut = live?.isOver ? 'partial' : 'growing';
      const text = event ? `${event.event_data['content']}` : message.text;
      const type = event?.event_type ?? BLANK.type;
      const now = { id, text, type, reasoning, tools, runId: live?.runId };
      add({ ...now, state: event ? 'complete' : cut }, event?.event_data ?? message);
    }
    if (live?.hasGreeting) sent(true);
    sent(false);
    return byKey.values();
  }

  readonly #partsOf = (data: object): MessageParts => {
    const { buttons, files, sources }: JsonObject = { ...data };
    return {
      buttons: objects(buttons).map(buttonOf),
      files: objects<MessageFile>(files).map(({ file_id, name, media_type, size }) => {
        const url = this.#addressOf(file_id);
        return { fileId: file_id, name, mediaType: media_type, size, progress: 1, url };
      }),
      sources: objects<ChatSource>(sources),
    };
  };
}

function statusOf({ isLoading, isLost, live, outbox }: ChatState): ChatSnapshot['status'] {
  if (isLost) return 'reconnecting';
  if (isLoading) return 'loading';
  if (live && !live.isOver) return 'answering';
  if (outbox.some(({ state }) => state === 'sending')) return 'sending';
  const waits = ({ state, runId }: OutgoingMessage): boolean =>
    state === 'complete' && runId !== live?.runId;
  return outbox.some(waits) ? 'answering' : 'ready';
}

function runOf({ runId, status, steps, attempt }: LiveRun): ChatRun {
  return { runId, status, steps, attempt };
}

function questionOf({ name: _, buttons, expires_at, ...question }: AskedQuestion): ChatQuestion {
  return { ...question, buttons: objects(buttons).map(buttonOf), expiresAt: expires_at };
}

/** What is made of an object, once. */
function memo<K extends object, V>(made: WeakMap<K, V>, key: K, make: (key: K) => V): V {
  const value = made.get(key) ?? make(key);
  made.set(key, value);
  return value;
}

/** A button without an id is clicked by its text. */
function buttonOf({ id, text }: JsonObject): ChatButton {
  return { id: `${id ?? text}`, text: `${text ?? id}` };
}

/** The objects of what should be a list of them. */
function objects<T extends object = JsonObject>(list: unknown): readonly T[] {
  if (!Array.isArray(list)) return NOTHING;
  return list.filter((each) => typeof each === 'object' && each !== null);
}

/** What is kept of an object or a list that was made anew: the old one when all in it is the same. */
function same<T extends object>(before: T | undefined, now: T): T {
  if (!before) return now;
  const names = Object.keys(now) as (keyof T)[];
  const isSame =
    names.length === Object.keys(before).length &&
    names.every((name) => before[name] === now[name]);
  return isSame ? before : now;
}
