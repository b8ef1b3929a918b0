// A chat as data, and how each thing that happens changes it. Nothing here waits or sends.
import type { ChatFeedback, ChatFile } from './chat-snapshot.ts';
import type { JimsApiError } from './errors.ts';
import type {
  AskedQuestion,
  JsonObject,
  MessageFile,
  MessageSource,
  StreamEvent,
  ThreadEvent,
  Work,
} from './wire.ts';

export interface ChatState {
  readonly threadId: string | undefined;
  /** The contact of the thread. */
  readonly contactId: string | undefined;
  readonly title: string | undefined;
  /** The messages of the thread's log, in its order, each once. */
  readonly log: readonly ThreadEvent[];
  /** What the run that is followed has sent and the log does not have yet. */
  readonly live: LiveRun | undefined;
  /** Messages of the contact that the log does not have yet, in the order in which they were sent. */
  readonly outbox: readonly OutgoingMessage[];
  /** The key of a message that began here, by the id that it is stored with. */
  readonly keys: Readonly<Record<string, string>>;
  /** What was seen of messages while they were made: the log does not keep all of it. */
  readonly made: Readonly<Record<string, LiveMessage>>;
  readonly question: AskedQuestion | undefined;
  readonly feedback: Readonly<Record<string, ChatFeedback>>;
  readonly error: JimsApiError | undefined;
  readonly hasOlder: boolean;
  readonly isLoading: boolean;
  /** Whether the connection is lost. */
  readonly isLost: boolean;
}

/** A message of the contact on its way. */
export interface OutgoingMessage {
  readonly key: string;
  readonly type: string;
  /** What is shown; of a click, what the button says. */
  readonly text: string;
  readonly files: readonly ChatFile[];
  /** An accepted one counts as complete. */
  readonly state: 'sending' | 'complete' | 'failed';
  /** The run that it began, which is also the id that it is stored with. */
  readonly runId?: string;
}

export interface LiveRun {
  readonly runId: string;
  readonly attempt: number;
  /** The number of the last event of this attempt. */
  readonly seq: number;
  readonly status: string | undefined;
  readonly steps: readonly Work[];
  readonly messages: readonly LiveMessage[];
  /** Whether the app may greet first: then that comes before the message that began the run. */
  readonly hasGreeting: boolean;
  readonly isOver: boolean;
}

/** A message of the app that the log does not have yet. */
export interface LiveMessage {
  readonly id: string;
  readonly text: string;
  readonly reasoning: string;
  readonly tools: readonly Work[];
  readonly sources: readonly MessageSource[];
  readonly files: readonly MessageFile[];
  /** The whole message, once it is sent. */
  readonly event?: { readonly event_type: string; readonly event_data: JsonObject };
}

/** What is known of a thread before anything else comes. */
export const NEW_CHAT: ChatState = {
  threadId: undefined,
  contactId: undefined,
  title: undefined,
  log: [],
  live: undefined,
  outbox: [],
  keys: {},
  made: {},
  question: undefined,
  feedback: {},
  error: undefined,
  hasOlder: false,
  isLoading: false,
  isLost: false,
};

/**
 * Adds events of the log, whatever of them is there already. While a message is on its way nobody knows
 * whether a new one of the contact is that message: it, and what comes after it, is to be read again.
 */
export function withEvents(state: ChatState, events: readonly ThreadEvent[]): ChatState {
  const { log, outbox, keys } = state;
  const byId = new Map(log.map((event) => [event.event_id, event]));
  const last = log.at(-1);
  const newest = last ? positionOf(last) : '';
  const isSending = outbox.some((each) => each.state === 'sending');
  const arrived = new Map<string, string>();
  for (const event of inOrder(events)) {
    const { event_id: id, event_type, event_data } = event;
    if (byId.has(id) || !isMessage(event_data)) continue;
    const isNew = event_data['role'] === 'user' && positionOf(event) > newest;
    const own = outbox.find(
      ({ runId, key, state: its, type, text }) =>
        runId === id ||
        // It could not be known whether this one was accepted.
        (its === 'failed' && !runId && isNew && type === event_type && text === event_data['content'] && !arrived.has(key)),
    );
    if (isNew && isSending && !own) break;
    if (own) arrived.set(own.key, id);
    byId.set(id, event);
  }
  if (byId.size === log.length) return state;
  return {
    ...state,
    log: inOrder([...byId.values()]),
    outbox: outbox.filter(({ key }) => !arrived.has(key)),
    keys: { ...keys, ...Object.fromEntries([...arrived].map(([key, id]) => [id, key])) },
  };
}

function inOrder(events: readonly ThreadEvent[]): readonly ThreadEvent[] {
  return [...events].sort((a, b) => (positionOf(a) < positionOf(b) ? -1 : 1));
}

/** Whether the data of an event is a message of one of the two. */
function isMessage({ role, content }: JsonObject): boolean {
  return (role === 'user' || role === 'assistant') && typeof content === 'string';
}

/**
 * The position of an event in the log, in the service's own form: the digits of its time, and those of its id.
 * Positions sort as strings.
 */
export function positionOf({ created_at, event_id }: ThreadEvent): string {
  return `${created_at.replace(/\D/g, '')}.${event_id.replace(/-/g, '')}`;
}

/** Changes what is known of a message of the contact on its way. */
export function withOutgoing(
  state: ChatState,
  key: string,
  change: Partial<OutgoingMessage>,
): ChatState {
  const outbox = state.outbox.map((each) => (each.key === key ? { ...each, ...change } : each));
  return { ...state, outbox };
}

/** A message of the contact was accepted, and is stored with the id of its run sooner or later. */
export function withAccepted(state: ChatState, key: string, runId: string): ChatState {
  const isStored = state.log.some(({ event_id }) => event_id === runId);
  const { outbox } = withOutgoing(state, key, { runId, state: 'complete' });
  return {
    ...state,
    outbox: isStored ? outbox.filter((each) => each.key !== key) : outbox,
    keys: { ...state.keys, [runId]: key },
    question: undefined,
    error: undefined,
    isLost: false,
  };
}

const NOTHING_SEEN = { seq: 0, status: undefined, steps: [], messages: [] };

/** Begins to follow a run. */
export function withRun(state: ChatState, runId: string, hasGreeting: boolean): ChatState {
  if (state.live?.runId === runId) return state;
  return { ...state, live: { runId, hasGreeting, attempt: 1, isOver: false, ...NOTHING_SEEN } };
}

/** The log has everything that came of the run. */
export function withoutRun(state: ChatState): ChatState {
  const made = { ...state.made };
  for (const message of state.live?.messages ?? []) {
    if (message.tools.length > 0 || message.reasoning) made[message.id] = message;
  }
  return { ...state, live: undefined, made };
}

/** Takes an event of the run that is followed, unless it came before, or is of an attempt that was lost. */
export function withStreamEvent(state: ChatState, event: StreamEvent): ChatState {
  let { live } = state;
  if (!live || live.isOver || event.event === 'thread') return state;
  const isRestart = event.event === 'restarted';
  const [given = live.attempt, seq = live.seq + 1] = event.id?.split('.').map(Number) ?? [];
  const attempt = isRestart ? event.data.attempt : given;
  if (attempt > live.attempt) live = { ...live, ...NOTHING_SEEN, attempt };
  if (isRestart) return { ...state, live };
  if (attempt < live.attempt || seq <= live.seq) return state;
  const question = event.event === 'result' ? event.data.question : state.question;
  return { ...state, question, live: { ...live, seq, ...changeBy(event, live) } };
}

const LISTS = { tool: 'tools', source: 'sources', file: 'files' } as const;

function changeBy({ event, data, id }: StreamEvent, live: LiveRun): Partial<LiveRun> {
  switch (event) {
    case 'status':
      return { status: data.status };
    case 'step':
      return { steps: withItem(live.steps, data) };
    case 'event':
      if (!isMessage(data.event_data)) return {};
      return { messages: changed(live, data.event_id, () => ({ event: data })) };
    case 'error':
      // Nothing of it is stored.
      return { messages: [], isOver: true };
    case 'result':
      return { isOver: true };
    case 'cancelled':
      // Without an id it goes on in another process.
      return { isOver: id !== undefined };
    case 'thread':
    case 'restarted':
      return {};
  }
  // A newer service may send more.
  if (!data.message_id) return {};
  const { message_id, ...part } = data;
  const change = (message: LiveMessage): Partial<LiveMessage> => {
    if (event === 'delta') return { text: message.text + data.delta };
    if (event === 'reasoning') return { reasoning: message.reasoning + data.delta };
    const list = LISTS[event];
    return { [list]: withItem<object>(message[list], part) };
  };
  return { messages: changed(live, message_id, change) };
}

/** A list with an item that is new, or a newer form of one that is in it. */
function withItem<T extends object>(list: readonly T[], item: T): readonly T[] {
  const id = 'id' in item ? item.id : undefined;
  const known = list.find((each) => id !== undefined && 'id' in each && each.id === id);
  if (!known) return [...list, item];
  // When a step is over its input does not come again.
  return list.map((each) => (each === known ? { ...each, ...item } : each));
}

const NO_MESSAGE = { text: '', reasoning: '', tools: [], sources: [], files: [] };

function changed(
  { messages }: LiveRun,
  id: string,
  change: (message: LiveMessage) => Partial<LiveMessage>,
): readonly LiveMessage[] {
  const known = messages.find((each) => each.id === id);
  const before = known ?? { id, ...NO_MESSAGE };
  const after = { ...before, ...change(before) };
  return known ? messages.map((each) => (each === known ? after : each)) : [...messages, after];
}
