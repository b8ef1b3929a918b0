import type { ToolPart } from '../llm/tools/run-options.ts';
import type { MessageFile, MessageSource } from '../thread/message.ts';
import type { NewFile } from './context-files.ts';
import type { WorkNews } from './step.ts';

/** A piece of a message that is being made, for `ThreadContext.sendMessage`. A string is a piece of text. */
export type MessagePart =
  | { readonly type: 'text'; readonly text: string }
  /** What the model thinks on the way. It is shown, and kept only with `keepReasoning`. */
  | { readonly type: 'reasoning'; readonly text: string }
  | ({ readonly type: 'source' } & MessageSource)
  | {
      readonly type: 'file';
      readonly name: string;
      readonly mediaType: string;
      readonly data: Uint8Array | Blob;
    }
  | ToolPart;

/**
 * A part of the stream of another library. Those of the AI SDK's `fullStream` are read as the parts above;
 * what means nothing to a message is left out.
 */
export interface ForeignPart {
  readonly type: string;
}

/** A message that is being made, piece by piece. */
export type MessagePieces = AsyncIterable<string | MessagePart | ForeignPart>;

/** What a message has beside its pieces. */
export interface MessageOptions {
  /** Files that the app makes. They are stored before the message. */
  readonly files?: readonly NewFile[];
  /** Where the text comes from; of sources with the same URL the first one counts. */
  readonly sources?: readonly MessageSource[];
  /** Keeps what the model thought with the message, as its `reasoning`; default false. */
  readonly keepReasoning?: boolean;
}

/** What those who watch a run get of a message while it is made. */
export type MessageNews = { readonly messageId: string } & (
  | { readonly type: 'delta'; readonly delta: string }
  | { readonly type: 'reasoning'; readonly delta: string }
  | { readonly type: 'tool'; readonly tool: ToolNews }
  | { readonly type: 'source'; readonly source: MessageSource }
  | { readonly type: 'file'; readonly file: MessageFile }
);

/** How a tool goes, for those who watch a run. */
export interface ToolNews extends WorkNews {
  /** The id of its call: the same for all news of one call. */
  readonly id: string;
}
