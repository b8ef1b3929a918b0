// A chat as data, and how each thing that happens changes it. Nothing here waits or sends.
import {
  BLANK,
  CLICK,
  fileOf,
  isMessage,
  isUnstored,
  membersOf,
  questionOf,
} from './chat-message.ts';
import type {
  ChatFeedback,
  ChatMessage,
  ChatRun,
  ChatSnapshot,
  ChatWork,
} from './chat-snapshot.ts';
import { isEnd } from './run-stream.ts';
import type { AskedQuestion, StreamEvent, ThreadEvent } from './wire.ts';

/** Members of the snapshot, and what they are made of. */
export interface ChatState extends Partial<
  Omit<ChatSnapshot, 'messages' | 'status' | 'run' | 'hasOlder'>
> {
  /**
   * First those that are stored, in the order of the log, each once. Then what the run that is followed has
   * sent beyond that, and messages of the contact that are on their way.
   */
  readonly messages: readonly ChatMessage[];
  readonly live?: LiveRun | undefined;
  readonly feedback: Readonly<Record<string, ChatFeedback>>;
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

/** The run that is followed. */
export interface LiveRun extends ChatRun {
  /** The number of the last event of this attempt. */
  readonly seq: number;
  readonly isOver: boolean;
}

/** What is known of a thread before anything else comes. */
export const NEW_CHAT: ChatState = { messages: [], feedback: {}, filesUrl: '', older: null };

/** Adds events of the log, whatever of them is there already. */
export function withEvents(state: ChatState, events: readonly ThreadEvent[]): ChatState {
  const newest = cursorOf(state) ?? '';
  let next = state;
  for (const event of events.toSorted(by((each) => cursor(each.created_at, each.event_id)))) {
    const { event_id: id, event_data, created_at } = event;
    const isNew = event_data['role'] === 'user' && cursor(created_at, id) > newest;
    const known =
      find(next, (message) => message.id === id) ??
      (isNew ? find(next, isUnknown(event_data['content'])) : undefined);
    if (isMessage(event_data) && !known?.createdAt)
      next = withMessage(next, known, storedMessage(next, event, known));
  }
  return next;
}

/** Whether a message could not be sent, so that nobody knows whether it was accepted. */
function isUnknown(content: unknown): (message: ChatMessage) => boolean {
  return ({ state, runId, text }) => state === 'failed' && !runId && text === content;
}

function storedMessage(
  { feedback, filesUrl, messages }: ChatState,
  { event_id: id, event_type: type, event_data, created_at, run_id }: ThreadEvent,
  known: ChatMessage | undefined,
): ChatMessage {
  const members = membersOf(event_data, filesUrl);
  const now = {
    ...BLANK,
    key: id,
    feedback: feedback[id],
    ...known,
    ...members,
    id,
    type,
    createdAt: created_at,
    runId: run_id ?? (members.role === 'user' ? id : known?.runId),
  };
  return type === CLICK ? { ...now, text: labelOf(messages, now.text) } : now;
}

/** What a button says that was clicked. */
export function labelOf(
  messages: readonly Pick<ChatMessage, 'buttons'>[],
  buttonId: string,
): string {
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

function find(
  { messages }: ChatState,
  fits: (message: ChatMessage) => boolean,
): ChatMessage | undefined {
  return messages.find(fits);
}

function by<T>(keyOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => {
    const [first, second] = [keyOf(a), keyOf(b)];
    return first < second ? -1 : Number(first > second);
  };
}

/** Puts a message where it belongs, in place of what was known of it. */
export function withMessage(
  state: ChatState,
  known: ChatMessage | undefined,
  now: ChatMessage,
): ChatState {
  const { messages, live } = state;
  if (known && known.createdAt === now.createdAt && known.runId === now.runId) {
    return { ...state, messages: messages.with(messages.indexOf(known), now) };
  }
  const rankOf = ({ createdAt, id, runId, role }: ChatMessage): string => {
    if (createdAt) return cursor(createdAt, id);
    if (runId !== live?.runId) return 'c';
    return role === 'user' ? 'a' : 'b';
  };
  const others = messages.filter((each) => each !== known);
  return { ...state, messages: [...others, now].toSorted(by(rankOf)) };
}

/** Changes what is known of a message, by its key. */
export function withChange(state: ChatState, key: string, change: Partial<ChatMessage>): ChatState {
  const known = find(state, (message) => message.key === key);
  return known ? withMessage(state, known, { ...known, ...change }) : state;
}

const NOTHING_SEEN = { seq: 0, status: undefined, steps: [] };

/** Begins to follow a run. */
export function withRun(state: ChatState, runId: string): ChatState {
  if (state.live?.runId === runId) return state;
  return { ...state, live: { runId, attempt: 1, isOver: false, ...NOTHING_SEEN } };
}

/** The log has everything that came of the run. */
export function withoutRun(state: ChatState): ChatState {
  // A run that was stopped while it waited has left nothing: its message was never stored.
  const left = find(state, (message) => isUnstored(message) && message.runId === state.live?.runId);
  const now = left ? withChange(state, left.key, { state: 'failed' }) : state;
  return { ...now, live: undefined, messages: withoutAnswer(now) };
}

/** Without what is not stored of an answer. */
function withoutAnswer({ messages }: ChatState): readonly ChatMessage[] {
  return messages.filter(({ createdAt, role }) => createdAt || role === 'user');
}

/** Takes an event of the run that is followed, unless it came before, or is of an attempt that was lost. */
export function withStreamEvent(state: ChatState, event: StreamEvent): ChatState {
  const { live } = state;
  if (!live || live.isOver) return state;
  const isRestart = event.event === 'restarted';
  const [given = live.attempt, seq = live.seq + 1] = event.id?.split('.').map(Number) ?? [];
  const attempt = isRestart ? event.data.attempt : given;
  if (attempt > live.attempt) {
    const again = { ...live, ...NOTHING_SEEN, attempt };
    return withStreamEvent({ ...state, live: again, messages: withoutAnswer(state) }, event);
  }
  if (isRestart || attempt < live.attempt || seq <= live.seq) return state;
  return withTaken(state, event, { ...live, seq });
}

function withTaken(before: ChatState, event: StreamEvent, live: LiveRun): ChatState {
  const state = { ...before, live: { ...live, isOver: isEnd(event) } };
  const { data } = event;
  switch (event.event) {
    case 'status':
      return { ...state, live: { ...live, status: event.data.status } };
    case 'step':
      return { ...state, live: { ...live, steps: withWork(live.steps, event.data) } };
    case 'error':
      // Nothing of it is stored.
      return { ...state, messages: withoutAnswer(state) };
    case 'result':
      return withQuestion(state, event.data.question);
    case 'event':
      return isMessage(event.data.event_data) ? withPart(state, event.data.event_id, event) : state;
    case 'cancelled':
      return state;
    case 'thread':
    case 'restarted':
      return before;
    default:
      // A newer service may send more.
      return 'message_id' in data ? withPart(state, data.message_id, event) : state;
  }
}

/** Takes a part of a message of the run; one that is stored does not change any more. */
function withPart(state: ChatState, id: string, event: PartEvent): ChatState {
  const known = find(state, (message) => message.id === id);
  if (known?.createdAt) return state;
  const before = known ?? { ...BLANK, id, key: id, runId: state.live?.runId };
  return withMessage(state, known, { ...before, ...changeBy(event, before, state) });
}

type PartEvent = Extract<
  StreamEvent,
  { readonly event: 'event' | 'delta' | 'reasoning' | 'tool' | 'source' | 'file' }
>;

/** What a part of a message changes in it. */
function changeBy(
  { event, data }: PartEvent,
  { text, reasoning, tools, sources, files }: ChatMessage,
  { filesUrl }: ChatState,
): Partial<ChatMessage> {
  if (event === 'delta') return { text: text + data.delta };
  if (event === 'reasoning') return { reasoning: reasoning + data.delta };
  if (event === 'file') return { files: [...files, fileOf(data, filesUrl)] };
  if (event === 'event') {
    return { ...membersOf(data.event_data, filesUrl), type: data.event_type };
  }
  const { message_id: _, ...part } = data;
  return 'url' in part ? { sources: [...sources, part] } : { tools: withWork(tools, part) };
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
