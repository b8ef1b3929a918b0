// A chat as data, and how each thing that happens changes it. Nothing here waits or sends.
import type { ChatFeedback, ChatFile } from './chat-snapshot.ts';
import type { JimsApiError } from './errors.ts';
import type {
  AskedQuestion,
  JsonObject,
  MessageFile,
  MessageSource,
  StreamData,
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
  /** What is sent: the id of a button for a click. */
  readonly content: string;
  /** What is shown. */
  readonly text: string;
  readonly files: readonly ChatFile[];
  readonly state: 'sending' | 'accepted' | 'failed';
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
  /** Whether something came, so that the run does not wait in the queue any more. */
  readonly hasBegun: boolean;
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
  readonly event: StreamData['event'] | undefined;
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

/** Adds events of the log, whatever of them is there already. */
export function withEvents(state: ChatState, events: readonly ThreadEvent[]): ChatState {
  const known = new Set(state.log.map(({ event_id }) => event_id));
  const fresh = new Map(
    events
      .filter((event) => !known.has(event.event_id) && isMessage(event.event_data))
      .map((event) => [event.event_id, event]),
  );
  if (fresh.size === 0) return state;
  return {
    ...state,
    log: [...state.log, ...fresh.values()].sort(byLog),
    outbox: state.outbox.filter(({ runId }) => runId === undefined || !fresh.has(runId)),
  };
}

/** Puts a message of the contact on its way, or changes what is known of it. */
export function withOutgoing(
  state: ChatState,
  key: string,
  change: Partial<OutgoingMessage>,
): ChatState {
  const outbox = state.outbox.map((each) => (each.key === key ? { ...each, ...change } : each));
  return { ...state, outbox };
}

/** A message of the contact was accepted, and is stored with the id of its run sooner or later. */
export function withAccepted(
  state: ChatState,
  { key, runId, threadId }: { readonly key: string; readonly runId: string; readonly threadId: string },
): ChatState {
  const isStored = state.log.some(({ event_id }) => event_id === runId);
  const { outbox } = withOutgoing(state, key, { runId, state: 'accepted' });
  return {
    ...state,
    threadId,
    outbox: outbox.filter((each) => !isStored || each.key !== key),
    keys: { ...state.keys, [runId]: key },
    question: undefined,
    error: undefined,
  };
}

/** Whether the data of an event is a message of one of the two. */
function isMessage({ role, content }: JsonObject): boolean {
  return (role === 'user' || role === 'assistant') && typeof content === 'string';
}

/** The order of the log: strings that sort as they are. */
function byLog(a: ThreadEvent, b: ThreadEvent): number {
  const [first, second] = [a.created_at + a.event_id, b.created_at + b.event_id];
  return first < second ? -1 : Number(first > second);
}

/** Begins to follow a run. */
export function withRun(state: ChatState, runId: string, hasGreeting = false): ChatState {
  if (state.live?.runId === runId) return state;
  const begun = { status: undefined, steps: [], messages: [], hasBegun: false, isOver: false };
  return { ...state, live: { runId, hasGreeting, attempt: 1, seq: 0, ...begun } };
}

/** The log has everything that came of the run. */
export function withoutRun(state: ChatState): ChatState {
  if (!state.live) return state;
  const made = Object.fromEntries(
    state.live.messages
      .filter(({ tools, reasoning }) => tools.length > 0 || reasoning)
      .map((message) => [message.id, message]),
  );
  return { ...state, live: undefined, made: { ...state.made, ...made } };
}

/** Takes an event of the run that is followed, unless it came before, or is of an attempt that was lost. */
export function withStreamEvent(state: ChatState, event: StreamEvent): ChatState {
  const { live } = state;
  if (!live) return state;
  const next = take(live, event);
  if (next === live) return state;
  const question = event.event === 'result' ? event.data.question : state.question;
  return { ...state, live: next, question };
}

function take(live: LiveRun, event: StreamEvent): LiveRun {
  const [attempt = live.attempt, seq = live.seq] = event.id?.split('.').map(Number) ?? [];
  if (event.event === 'thread' || live.isOver) return live;
  let now = live;
  if (event.event === 'restarted' || attempt > live.attempt) {
    const latest = event.event === 'restarted' ? event.data.attempt : attempt;
    if (latest <= live.attempt) return live;
    const nothing = { status: undefined, steps: [], messages: [], seq: 0 };
    now = { ...live, ...nothing, attempt: latest };
    if (event.event === 'restarted') return { ...now, hasBegun: true };
  }
  if (event.id !== undefined && (attempt < now.attempt || seq <= now.seq)) return live;
  return { ...now, seq, hasBegun: true, ...changeBy(event, now) };
}

function changeBy(event: StreamEvent, live: LiveRun): Partial<LiveRun> {
  switch (event.event) {
    case 'status':
      return { status: event.data.status };
    case 'step':
      return { steps: withWork(live.steps, event.data) };
    case 'delta': {
      const { message_id, delta } = event.data;
      return message(live, message_id, ({ text }) => ({ text: text + delta }));
    }
    case 'reasoning': {
      const { message_id, delta } = event.data;
      return message(live, message_id, ({ reasoning }) => ({ reasoning: reasoning + delta }));
    }
    case 'tool': {
      const { message_id, ...tool } = event.data;
      return message(live, message_id, ({ tools }) => ({ tools: withWork(tools, tool) }));
    }
    case 'source': {
      const { message_id, ...source } = event.data;
      return message(live, message_id, ({ sources }) => ({ sources: [...sources, source] }));
    }
    case 'file': {
      const { message_id, ...file } = event.data;
      return message(live, message_id, ({ files }) => ({ files: [...files, file] }));
    }
    case 'event': {
      const { event_id, event_data } = event.data;
      if (!isMessage(event_data)) return {};
      return message(live, event_id, () => ({ event: event.data }));
    }
    case 'error':
      // Nothing of it is stored.
      return { messages: [], isOver: true };
    case 'result':
      return { isOver: true };
    case 'cancelled':
      // Without an id it goes on in another process.
      return { isOver: event.id !== undefined };
    default:
      // A newer service may send more.
      return {};
  }
}

function withWork(list: readonly Work[], work: Work): readonly Work[] {
  if (!list.some(({ id }) => id === work.id)) return [...list, work];
  // When it is over its input does not come again.
  return list.map((each) => (each.id === work.id ? { ...each, ...work } : each));
}

function message(
  { messages }: LiveRun,
  id: string,
  change: (message: LiveMessage) => Partial<LiveMessage>,
): Partial<LiveRun> {
  const known = messages.find((each) => each.id === id);
  const before = known ?? { ...NO_MESSAGE, id };
  const after = { ...before, ...change(before) };
  if (!known) return { messages: [...messages, after] };
  return { messages: messages.map((each) => (each === known ? after : each)) };
}

const NO_MESSAGE: Omit<LiveMessage, 'id'> = {
  text: '',
  reasoning: '',
  tools: [],
  sources: [],
  files: [],
  event: undefined,
};
