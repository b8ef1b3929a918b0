/**
 * A conversation as JSON: what was said to an app, what its models answered, and what the app made of it.
 * `saveConversation` makes it from the data of the API, `replayConversation` runs it as a test.
 */
export interface SavedConversation {
  readonly jims: 'conversation';
  readonly version: 1;
  /** What it is about, for the person who reads the tests. */
  readonly title?: string;
  readonly contact_id: string;
  readonly thread_config: Readonly<Record<string, unknown>>;
  /** The messages of a conversation start that ran with the first message; left out when it did not. */
  readonly greeting?: readonly string[];
  /** In the order in which they began. */
  readonly turns: readonly SavedTurn[];
}

/** One run: what began it, and what came of it. */
export type SavedTurn = SavedAction & {
  /** What models answered, in the order of the requests; left out when that is not known. */
  readonly models?: readonly SavedModelAnswer[];
  readonly expect: SavedExpectation;
};

/** What begins a run. */
export type SavedAction =
  /** The app greets, in a run of its own. */
  | { readonly open: true }
  /** A message of the contact. */
  | { readonly say: string }
  /** A click of the contact, by the id of the button, or by its text where it has no id. */
  | { readonly click: string }
  /** Another event. */
  | { readonly send: SavedEvent }
  /** A service answers the open question with this name. */
  | { readonly answer: string; readonly value: unknown }
  /** The time of the open question with this name is over; `null`: of the question to the contact. */
  | { readonly expire: string | null };

export interface SavedEvent {
  readonly event_type: string;
  readonly event_data: Readonly<Record<string, unknown>>;
}

/** What a run came to. What is left out is not compared, nor are members of events and states that are left out. */
export interface SavedExpectation {
  /** The content of the messages of the app, in order. */
  readonly messages?: readonly string[];
  /** The ids of the buttons under its last message with buttons, or their texts where they have no id. */
  readonly buttons?: readonly string[];
  readonly statuses?: readonly string[];
  /** The app's own events: not `comm.*`, `state.*`, `context.*` and `jims.*`. */
  readonly events?: readonly SavedEvent[];
  /** The states of the thread after the run, by their names. */
  readonly state?: Readonly<Record<string, unknown>>;
  /** The name of the question that the run ends with, or its text where it has no name; `null`: none. */
  readonly question?: string | null;
  /** The message of the error that the run failed with. */
  readonly error?: string;
}

/** What a model answered to one request: text alone, or more. */
export type SavedModelAnswer =
  | string
  | {
      readonly text?: string;
      readonly reasoning?: string;
      /** The tools that it wants, in order. */
      readonly calls?: readonly SavedToolCall[];
      /** How it ended, where that is not as usual: `length` for an answer that was cut off. */
      readonly finishReason?: string;
    }
  /** The request failed, with this message. */
  | { readonly error: string };

export interface SavedToolCall {
  readonly name: string;
  readonly input?: unknown;
}
