import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { JsonObject } from '../thread/event.ts';
import type { Principal } from '../thread/principal.ts';

/** A button under a message: its text, and whatever else the app's clients understand, such as an `id`. */
export type Button = JsonObject & { readonly text: string };

interface AskCommon<T> {
  /** What the answer must fit. Its result is the answer's `value`. */
  readonly schema?: StandardSchemaV1<unknown, T>;
  /** How long the question waits, in milliseconds; default: `questionTtlMs` of the run limits, 30 days. */
  readonly expiresInMs?: number;
  /** Goes on with `withdrawn` when the question is withdrawn. Default: the conversation ends there. */
  readonly onWithdrawn?: 'tell';
}

/** Options of a question to the contact. */
export interface AskOptions<T = unknown> extends AskCommon<T> {
  readonly name?: string;
  readonly buttons?: readonly Button[];
  /** Only a click on one of the buttons answers, or the text of one; default false. */
  readonly buttonsOnly?: boolean;
  /** The types of events that answer; default: a message of the user, and a click on a button. */
  readonly accepts?: readonly string[];
  /** Whether a message answers that was waiting already when the question came; default false. */
  readonly early?: boolean;
}

/** A question to an operator, or to another system. */
export interface ServiceQuestion<T = unknown> extends AskCommon<T> {
  readonly to: 'service';
  /** What is asked, for those who choose what they answer: `approve refund`. */
  readonly name: string;
  /** What they need to know. Nobody else sees it. */
  readonly data?: JsonObject;
}

/** Nobody answered: the time was over, the question was withdrawn, or the client has no way to answer. */
export type NoAnswer =
  | { readonly kind: 'expired' }
  | { readonly kind: 'withdrawn'; readonly reason: string }
  | { readonly kind: 'unavailable' };

/** What comes of a question to the contact. */
export type ContactAnswer<T = unknown> =
  | {
      readonly kind: 'message';
      readonly text: string;
      /** The `id` of the button that was pressed, or whose id or text was written. */
      readonly buttonId: string | undefined;
      readonly eventType: string;
      /** What they said beside a click, where their client lets them: why they deny something. */
      readonly reason?: string;
      /** What the schema makes of the text, or of the JSON in it; `undefined` when it does not fit. */
      readonly value: T | undefined;
    }
  | NoAnswer;

/** What comes of a question to a service. */
export type ServiceAnswer<T = unknown> =
  | {
      readonly kind: 'value';
      readonly value: T;
      /** Who answered. */
      readonly by: Principal | undefined;
    }
  | NoAnswer;
