import type { MessageSource } from '../../thread/message.ts';
import { newId } from '../../thread/new-id.ts';
import type { ProviderData } from '../chat/provider-data.ts';
import type { AnswerPiece } from '../chat/streamed-answer.ts';
import type { FinishReason } from '../finish-reasons.ts';
import type { ToolScope } from './run-options.ts';

/** An answer of the model, and what is to be done with the calls in it: plain JSON. */
export interface Round {
  readonly parts: readonly AnswerPiece[];
  readonly finishReason: FinishReason;
  readonly calls: readonly PlannedCall[];
  readonly providerData?: ProviderData;
}

/** A call that the model wants, after it was checked: plain JSON. */
export interface PlannedCall {
  readonly id: string;
  readonly name: string;
  /** JSON as the model wrote it. */
  readonly arguments: string;
  /** Why it cannot be made. */
  readonly fault?: string;
  /** What a contact may see of it. */
  readonly title?: string;
  /** What the contact is asked before. */
  readonly question?: string;
}

/** What a tool gave, for the model: plain JSON. */
export interface ToolResult {
  readonly content: string;
  readonly isJson?: true;
  /** What it said that the answer comes from. */
  readonly sources?: readonly MessageSource[];
  /** It failed, and this is why. */
  readonly error?: string;
}

/** What came of a question for approval. */
export type Approval =
  | { readonly kind: 'yes' }
  | { readonly kind: 'expired' | 'unavailable' }
  | { readonly kind: 'no'; readonly words?: string };

export type ExecutionScope = Pick<ToolScope, 'idempotencyKey' | 'status'>;

/** Where a loop runs: it does the loop's work, keeps what that gave, and tells others of it. */
export interface LoopHost {
  /** Gets an answer. Gives its pieces, each as it comes or all at the end. */
  round(
    work: () => AsyncGenerator<AnswerPiece, Round, void>,
  ): AsyncGenerator<AnswerPiece, Round, void>;
  execute(
    call: PlannedCall,
    work: (scope: ExecutionScope) => Promise<ToolResult>,
  ): Promise<ToolResult>;
  /** A call is over without being made. */
  refused(call: PlannedCall, result: ToolResult): void;
  approve(
    call: PlannedCall,
    buttons: { readonly yes: string; readonly no: string },
  ): Promise<Approval>;
  /** Keeps a message for the models of later turns. */
  keep(kind: 'tool_call' | 'tool_result', message: object): void;
}

/** A loop that belongs to no run, or is a part of something that is kept as a whole. */
export class PlainHost implements LoopHost {
  readonly #id = newId();
  #executions = 0;

  round(
    work: () => AsyncGenerator<AnswerPiece, Round, void>,
  ): AsyncGenerator<AnswerPiece, Round, void> {
    return work();
  }

  execute(
    { name }: PlannedCall,
    work: (scope: ExecutionScope) => Promise<ToolResult>,
  ): Promise<ToolResult> {
    return work({ idempotencyKey: `${this.#id}/${name}/${++this.#executions}`, status: () => {} });
  }

  refused(): void {}

  async approve(): Promise<Approval> {
    return { kind: 'unavailable' };
  }

  keep(): void {}
}
