// A chat as data, and how each thing that happens changes it. Nothing here waits or sends.
import { BLANK, CLICK, fileOf, isMessage, membersOf, questionOf } from './chat-message.ts';
import type { ChatMessage, ChatRun, ChatSnapshot, ChatWork } from './chat-snapshot.ts';
import { isEnd } from './run-stream.ts';
import type { AskedQuestion, StreamEvent, ThreadEvent } from './wire.ts';

/** Members of the snapshot, and what they are made of. */
export interface ChatState extends Partial<Omit<ChatSnapshot, 'messages' | 'status' | 'hasOlder'>> {
  /**
   * First those that are stored, in the order of the log, each once. Then what the run that is followed has
   * sent beyond that, and messages of the contact that are on their way.
   */
  readonly messages: readonly ChatMessage[];
  /** The number of the last event of this attempt of the run. */
  readonly seq: number;
  /** Whether the run has ended; then what is stored of it is being read. */
  readonly isOver: boolean;
  /** The contact of the thread. */
  readonly contactId?: string | undefined;
  /** The address of files, without their ids. */
  readonly filesUrl: string;
  /** Where the page before the oldest message begins; `null` when there is none. */
  readonly older: string | null;
  readonly isLoading?: boolean;
  /** Whether the connection is lost. */
  readonly isLost?: boolean;
}

/** What is known of a thread before anything else comes. */
export const NEW_CHAT: ChatState = {
  messages: [],
  seq: 0,
  isOver: false,
  filesUrl: '',
  older: null,
};

/** Adds events of the log, oldest first, whatever of them is there already. */
export function withEvents(state: ChatState, events: readonly ThreadEvent[]): ChatState {
  const newest = cursorOf(state) ?? '';
  let next = state;
  for (const event of events) {
    const { event_id: id, event_type: type, event_data: data, created_at: createdAt } = event;
    if (!isMessage(data)) continue;
    const { messages, filesUrl } = next;
    const { role, content } = data;
    const isNew = role === 'user' && cursor(createdAt, id) > newest;
    const known =
      messageOf(next, id) ??
      // It could not be sent, so that nobody knows whether it was accepted.
      messages.find(
        ({ state: sent, runId, text }) => isNew && sent === 'failed' && !runId && text === content,
      );
    if (known?.createdAt) continue;
    next = withMessage(next, known, {
      ...BLANK,
      key: id,
      ...known,
      ...membersOf(data, filesUrl),
      text: type === CLICK ? labelOf(messages, content) : content,
      id,
      type,
      createdAt,
      runId: event.run_id ?? (role === 'user' ? id : known?.runId),
    });
  }
  return next;
}

/** What a button says that was clicked. */
export function labelOf(messages: readonly ChatMessage[], buttonId: string): string {
  const buttons = messages.flatMap((message) => message.buttons);
  return buttons.findLast(({ id }) => id === buttonId)?.text ?? buttonId;
}

/** The position of the newest message of the log. */
export function cursorOf({ messages }: ChatState): string | undefined {
  const newest = messages.findLast(({ createdAt }) => createdAt);
  return newest && cursor(`${newest.createdAt}`, newest.id);
}

/**
 * A position in the log, in the service's own form: the digits of a time, and those of an id. Positions sort as
 * strings.
 */
function cursor(createdAt: string, id: string): string {
  return `${createdAt.replace(/\D/g, '')}.${id.replace(/-/g, '')}`;
}

/** The newest message of the contact in the log. */
export function lastSaid({ messages }: ChatState): ChatMessage | undefined {
  return messages.findLast(({ role, createdAt }) => role === 'user' && createdAt);
}

export function messageOf({ messages }: ChatState, messageId: string): ChatMessage | undefined {
  return messages.find(({ id, key }) => id === messageId || key === messageId);
}

/** Puts a message where it belongs, in place of what was known of it. */
export function withMessage(
  state: ChatState,
  known: ChatMessage | undefined,
  now: ChatMessage,
): ChatState {
  const { messages, run } = state;
  const list = known ? messages.with(messages.indexOf(known), now) : [...messages, now];
  const rankOf = ({ createdAt, id, runId, role }: ChatMessage): string => {
    if (createdAt) return cursor(createdAt, id);
    if (runId !== run?.runId) return 'c';
    return role === 'user' ? 'a' : 'b';
  };
  const isThere = known?.createdAt === now.createdAt && known?.runId === now.runId;
  const byRank = (a: ChatMessage, b: ChatMessage): number =>
    Number(rankOf(a) > rankOf(b)) - Number(rankOf(a) < rankOf(b));
  return { ...state, messages: isThere ? list : list.toSorted(byRank) };
}

/** Changes what is known of a message, by its id or its key. */
export function withChange(
  state: ChatState,
  messageId: string,
  change: Partial<ChatMessage>,
): ChatState {
  const known = messageOf(state, messageId);
  const now = known && same(known, { ...known, ...change });
  return now && now !== known ? withMessage(state, known, now) : state;
}

/** What is kept of an object that was made anew: the old one when all its members are the same. */
export function same<T extends object>(before: T | undefined, now: T): T {
  const isSame =
    before && Object.entries(now).every(([name, value]) => Reflect.get(before, name) === value);
  return isSame ? before : now;
}

const NOTHING_SEEN = { status: undefined, steps: [] };

/** Begins to follow a run. */
export function withRun(state: ChatState, runId: string): ChatState {
  if (state.run?.runId === runId) return state;
  const run = { runId, attempt: 1, ...NOTHING_SEEN };
  return withChange({ ...state, seq: 0, isOver: false, run }, runId, { isUnanswered: false });
}

/** The log has everything that came of the run. */
export function withoutRun(state: ChatState): ChatState {
  // A run that was stopped while it waited has left nothing: its message was never stored.
  const orFailed = (message: ChatMessage): ChatMessage =>
    message.createdAt || message.runId !== state.run?.runId
      ? message
      : { ...message, state: 'failed' };
  const messages = withoutAnswer(state).map(orFailed);
  return { ...state, run: undefined, isOver: false, messages };
}

/** Without what is not stored of an answer. */
function withoutAnswer({ messages }: ChatState): readonly ChatMessage[] {
  return messages.filter(({ createdAt, role }) => createdAt || role === 'user');
}

/** Takes an event of the run that is followed, unless it came before, or is of an attempt that was lost. */
export function withStreamEvent(state: ChatState, event: StreamEvent): ChatState {
  const { run } = state;
  // Those without a position say nothing that a chat shows.
  const [attempt = 0, seq = 0] = event.id?.split('.').map(Number) ?? [];
  if (!run || state.isOver || attempt < run.attempt) return state;
  if (attempt > run.attempt) {
    const again = { ...run, ...NOTHING_SEEN, attempt };
    return withStreamEvent({ ...state, run: again, seq: 0, messages: withoutAnswer(state) }, event);
  }
  if (seq <= state.seq) return state;
  return withTaken({ ...state, seq, isOver: isEnd(event) }, run, event);
}

function withTaken(state: ChatState, run: ChatRun, event: StreamEvent): ChatState {
  const { filesUrl } = state;
  switch (event.event) {
    case 'status':
      return { ...state, run: { ...run, status: event.data.status } };
    case 'step':
      return { ...state, run: { ...run, steps: withWork(run.steps, event.data) } };
    case 'error':
      // Nothing of it is stored.
      return { ...state, messages: withoutAnswer(state) };
    case 'result':
      return withQuestion(state, event.data.question);
    case 'event': {
      const { event_id, event_type: type, event_data } = event.data;
      if (!isMessage(event_data)) return state;
      return withPart(state, event_id, () => ({ ...membersOf(event_data, filesUrl), type }));
    }
    case 'delta':
      return withPart(state, event.data.message_id, ({ text }) => ({
        text: text + event.data.delta,
      }));
    case 'reasoning':
      return withPart(state, event.data.message_id, ({ reasoning }) => ({
        reasoning: reasoning + event.data.delta,
      }));
    case 'tool':
      return withPart(state, event.data.message_id, ({ tools }) => ({
        tools: withWork(tools, event.data),
      }));
    case 'source':
      return withPart(state, event.data.message_id, ({ sources }) => ({
        sources: [...sources, event.data],
      }));
    case 'file':
      return withPart(state, event.data.message_id, ({ files }) => ({
        files: [...files, fileOf(event.data, filesUrl)],
      }));
    default:
      // A newer service may send more.
      return state;
  }
}

/** Takes a part of a message of the run; one that is stored does not change any more. */
function withPart(
  state: ChatState,
  id: string,
  changeOf: (before: ChatMessage) => Partial<ChatMessage>,
): ChatState {
  const known = messageOf(state, id);
  if (known?.createdAt) return state;
  const before = known ?? { ...BLANK, id, key: id, runId: state.run?.runId };
  return withMessage(state, known, { ...before, ...changeOf(before) });
}

/** The same question stays the same object. */
export function withQuestion(state: ChatState, asked: AskedQuestion | undefined): ChatState {
  if (state.question?.id === asked?.id) return state;
  return { ...state, question: asked && questionOf(asked) };
}

/** A list with a step or a tool that is new, or a newer form of one that is in it. */
function withWork(list: readonly ChatWork[], work: ChatWork): readonly ChatWork[] {
  const known = list.find(({ id }) => id === work.id);
  // When it is over its input does not come again.
  return known ? list.with(list.indexOf(known), { ...known, ...work }) : [...list, work];
}
