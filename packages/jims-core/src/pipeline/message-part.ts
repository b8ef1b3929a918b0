/** A piece of a message that is being made, for `ThreadContext.sendMessage`. A string is a piece of text. */
export type MessagePart =
  | { readonly type: 'text'; readonly text: string }
  /** What the model thinks on the way. It is shown, and kept only with `keepReasoning`. */
  | { readonly type: 'reasoning'; readonly text: string }
  | {
      readonly type: 'source';
      readonly url: string;
      readonly title?: string;
      readonly excerpt?: string;
    }
  | {
      readonly type: 'file';
      readonly name: string;
      readonly mediaType: string;
      readonly data: Uint8Array | Blob;
    }
  /** A tool is called. Without a title it is the service's own matter, as a step is. */
  | {
      readonly type: 'tool-call';
      readonly id: string;
      readonly name: string;
      readonly input: unknown;
      readonly title?: string;
    }
  /** The tool is done, or has failed. */
  | {
      readonly type: 'tool-result';
      readonly id: string;
      readonly output?: unknown;
      readonly error?: string;
    };

/** How a tool goes, for those who watch a run. */
export interface ToolNews {
  /** The id of its call: the same for all news of one call. */
  readonly id: string;
  readonly name: string;
  /** What a contact may see; without it the call is the service's own matter. */
  readonly title?: string;
  readonly status: 'running' | 'completed' | 'failed';
  /** What it is called with. */
  readonly input?: unknown;
  /** Its result, when it is completed. */
  readonly output?: unknown;
  /** The message of its failure. */
  readonly error?: string;
}
