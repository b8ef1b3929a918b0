import type { ChatMessages, ToolCall } from '../chat/messages.ts';
import type { ProviderData } from '../chat/provider-data.ts';
import type { ChatOptions } from '../chat/request.ts';
import type { Tool } from '../chat/tools.ts';
import type { FinishReason } from '../finish-reasons.ts';
import type { RoundParts } from './paragraphs.ts';

/** What a loop wants of a model. */
export interface ModelRequest {
  readonly messages: ChatMessages;
  readonly options: ChatOptions;
  readonly tools: readonly Tool[];
  /** Puts the pieces of the answer together. */
  readonly parts: RoundParts;
  /** Whether the model must answer without tools. */
  readonly withoutTools: boolean;
}

/** An answer of a model in a loop. */
export interface ModelAnswer {
  readonly calls: readonly ToolCall[];
  readonly finishReason: FinishReason;
  readonly providerData: ProviderData | undefined;
}
