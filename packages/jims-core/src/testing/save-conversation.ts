import type {
  SavedAction,
  SavedConversation,
  SavedEvent,
  SavedExpectation,
  SavedModelAnswer,
  SavedTurn,
} from './saved-conversation.ts';

/** A conversation as the API has it: a thread, all of its events, and the traces of its runs. */
export interface RecordedConversation {
  /** From `GET /api/v1/threads/{thread_id}`. */
  readonly thread: {
    readonly contact_id?: string | null;
    readonly thread_config?: Readonly<Record<string, unknown>>;
    readonly title?: string | null;
  };
  /** From `GET /api/v1/threads/{thread_id}/events?internal=true`: all pages, oldest first. */
  readonly events: readonly RecordedEvent[];
  /** From `GET /api/v1/runs/{run_id}/trace`, in any order. */
  readonly runs: readonly RecordedRun[];
}

export interface RecordedEvent extends SavedEvent {
  readonly event_id: string;
  readonly run_id?: string | null;
}

/** What is read of a trace. */
export interface RecordedRun {
  readonly run_id: string;
  readonly chain_id: string;
  readonly status: string;
  /** False: the entries do not say what models answered, and which statuses there were. */
  readonly kept: boolean;
  readonly entries: readonly RecordedEntry[];
  readonly error: { readonly message: string } | null;
}

/** An entry of a trace, as far as a test needs it. */
export interface RecordedEntry {
  readonly kind: string;
  /** Of a model: the method of `ctx.llm`. */
  readonly operation?: string;
  readonly answer?: RecordedAnswer | null;
  readonly error?: string | null;
  readonly replayed?: boolean;
  /** Of a status. */
  readonly message?: string;
  /** Of a question. */
  readonly name?: string;
  readonly text?: string;
}

interface RecordedAnswer {
  readonly text?: string;
  readonly reasoning?: string;
  readonly tool_calls?: readonly { readonly name: string; readonly input: unknown }[];
  readonly finish_reason?: string;
  /** Of embeddings. */
  readonly vectors?: unknown;
  /** Of a ranking. */
  readonly ranking?: unknown;
}

const INTERNAL: ReadonlySet<string> = new Set(['comm', 'state', 'context', 'jims']);
const STATE = 'state.set.';
const GREETED = 'jims.conversation_started';
/** What `finish_reason` is when nothing was cut off. */
const USUAL: ReadonlySet<string> = new Set(['stop', 'tool_calls', 'tool-calls']);

/**
 * Makes a conversation that `replayConversation` can run as a test, from the data of the API. A run that is
 * not over is left out, and so are the bytes of files. Runs without a trace have no answers of models:
 * the test then needs a model of its own.
 *
 * @example
 * const saved = saveConversation({ thread, events, runs: traces });
 * await writeFile('refund.conversation.json', JSON.stringify(saved, undefined, 2));
 */
export function saveConversation({
  thread,
  events,
  runs,
}: RecordedConversation): SavedConversation {
  const turns = new Turns(events, runs);
  const { greeting } = turns;
  return {
    jims: 'conversation',
    version: 1,
    ...(thread.title && { title: thread.title }),
    contact_id: thread.contact_id ?? 'test',
    thread_config: thread.thread_config ?? {},
    ...(greeting.length > 0 && { greeting }),
    turns: turns.saved(),
  };
}

/** The turns of a conversation, one after another: each needs to know what came before. */
class Turns {
  readonly greeting: readonly string[];
  readonly #events: readonly RecordedEvent[];
  readonly #runs: ReadonlyMap<string, RecordedRun>;
  readonly #state = new Map<string, unknown>();
  /** How many answers of models the runs of a chain have used. */
  readonly #used = new Map<string, number>();

  constructor(events: readonly RecordedEvent[], runs: readonly RecordedRun[]) {
    this.#events = events;
    this.#runs = new Map(runs.map((run) => [run.run_id, run]));
    const first = events.findIndex((event) => this.#runs.has(event.event_id));
    const before = first < 0 ? [] : events.slice(0, first);
    this.greeting = textsOf(before);
    this.#keepStates(before);
  }

  saved(): readonly SavedTurn[] {
    return this.#events.flatMap((event) => {
      // The event that begins a run has the id of the run.
      const run = this.#runs.get(event.event_id);
      return run && isOver(run) ? [this.#turn(event, run)] : [];
    });
  }

  #turn(began: RecordedEvent, run: RecordedRun): SavedTurn {
    // What the conversation start sent comes before the message.
    const sent = this.#events
      .slice(this.#events.indexOf(began) + 1)
      .filter((event) => event.run_id === run.run_id);
    this.#keepStates(sent);
    const models = run.kept ? this.#modelsOf(run) : undefined;
    return {
      ...actionOf(began),
      ...(models && { models }),
      expect: this.#expectation(run, sent),
    };
  }

  #expectation(run: RecordedRun, sent: readonly RecordedEvent[]): SavedExpectation {
    // Where a run was stopped is chance.
    if (run.status === 'cancelled') return {};
    if (run.status === 'failed') return { error: run.error?.message ?? '' };
    const buttons = buttonsOf(sent);
    const question = run.entries.findLast(({ kind }) => kind === 'question');
    return {
      messages: textsOf(sent),
      ...(buttons && { buttons }),
      ...(run.kept && { statuses: statusesOf(run) }),
      events: sent.filter(isOwn).map(({ event_type, event_data }) => ({
        event_type,
        event_data: withoutUsage(event_data),
      })),
      state: withoutUsage(Object.fromEntries(this.#state)),
      question: question?.name ?? question?.text ?? null,
    };
  }

  #keepStates(events: readonly RecordedEvent[]): void {
    for (const { event_type: type, event_data: data } of events) {
      if (type.startsWith(STATE)) this.#state.set(type.slice(STATE.length), data);
    }
  }

  /** The answers to the requests of this run. Those of earlier runs of its chain are replayed in it, too. */
  #modelsOf(run: RecordedRun): readonly SavedModelAnswer[] {
    const used = this.#used.get(run.chain_id) ?? 0;
    let replayed = 0;
    const answers = run.entries
      .filter((entry) => entry.kind === 'model' && isChat(entry))
      .filter((entry) => !entry.replayed || ++replayed > used)
      .map(modelAnswer);
    this.#used.set(run.chain_id, used + answers.length);
    return answers;
  }
}

function isOver({ status }: RecordedRun): boolean {
  return status !== 'queued' && status !== 'running';
}

function isChat({ operation, answer }: RecordedEntry): boolean {
  if (answer?.vectors !== undefined || answer?.ranking !== undefined) return false;
  return !/embed|rerank/i.test(operation ?? '');
}

function actionOf({ event_type: type, event_data: data }: RecordedEvent): SavedAction {
  const { content, name } = data;
  if (type === GREETED) return { open: true };
  if (type === 'comm.user_message' && typeof content === 'string') return { say: content };
  if (type === 'comm.user_button_click' && typeof content === 'string') return { click: content };
  const question = typeof name === 'string' ? name : null;
  if (type === 'jims.question_answered' && question !== null) {
    return { answer: question, value: data['value'] ?? null };
  }
  if (type === 'jims.question_expired') return { expire: question };
  return { send: { event_type: type, event_data: data } };
}

function modelAnswer({ answer, error }: RecordedEntry): SavedModelAnswer {
  if (!answer) return { error: error ?? 'no answer' };
  const { text = '', reasoning, tool_calls: calls = [] } = answer;
  const finishReason = unusual(answer.finish_reason);
  const more = {
    ...(reasoning !== undefined && { reasoning }),
    ...(calls.length > 0 && { calls: calls.map(({ name, input }) => ({ name, input })) }),
    ...(finishReason !== undefined && { finishReason }),
  };
  if (Object.keys(more).length === 0) return text;
  return { ...(text !== '' && { text }), ...more };
}

function unusual(reason: string | undefined): string | undefined {
  return reason === undefined || USUAL.has(reason) ? undefined : reason;
}

function statusesOf({ entries }: RecordedRun): readonly string[] {
  return entries.flatMap(({ kind, message }) =>
    kind === 'status' && message !== undefined ? [message] : [],
  );
}

function textsOf(events: readonly RecordedEvent[]): readonly string[] {
  return events.flatMap(({ event_type: type, event_data: { role, content } }) =>
    type.startsWith('comm.') && role === 'assistant' && typeof content === 'string'
      ? [content]
      : [],
  );
}

function buttonsOf(events: readonly RecordedEvent[]): readonly string[] | undefined {
  const lists = events.map(({ event_data: data }) => data['buttons']);
  const last = lists.findLast((buttons) => Array.isArray(buttons));
  if (!Array.isArray(last)) return undefined;
  return last.map((button: unknown) => {
    const { id, text }: { id?: unknown; text?: unknown } = Object(button);
    return String(id ?? text);
  });
}

type Json = Readonly<Record<string, unknown>>;

/** What models used is another thing each time: what an app kept of `ctx.llm.usage` is left out. */
function withoutUsage(data: Json): Json {
  const kept = Object.entries(data).filter(([, value]) => !isUsage(value));
  return Object.fromEntries(
    kept.map(([name, value]) => [name, isObject(value) ? withoutUsage(value) : value]),
  );
}

function isUsage(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((each) => isObject(each) && 'promptTokens' in each && 'requests' in each);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOwn({ event_type: type }: RecordedEvent): boolean {
  return !INTERNAL.has(type.split('.', 1)[0] ?? type);
}
