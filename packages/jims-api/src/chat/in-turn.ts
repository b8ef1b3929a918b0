import type { AgentStatus, RunEnd } from 'jims-core';
import { textPieces } from 'jims-core/host';

import { Expansion } from '../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../http/sse/ready-iterator.ts';
import { plainTextEvents } from './text-stream.ts';
import type { Listenable, PlainTextEvent } from './text-stream.ts';

/** What is sent of a run where there is room for one message at a time. */
export type InTurnEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  | { readonly type: 'text'; readonly messageId: string; readonly text: string }
  /** It is beside the text: nothing holds it back. */
  | { readonly type: 'reasoning'; readonly reasoningId: string; readonly text: string }
  | RunEnd;

/** A run with its messages one after the other: what comes in the middle of one is held back. */
export function inTurn(run: Listenable): ReadyIterable<InTurnEvent> {
  const turns = new MessageTurns();
  return new Expansion(plainTextEvents(run), (event) => turns.read(event));
}

interface Held {
  readonly texts: string[];
  ended: boolean;
}

class MessageTurns {
  /** The message that is sent now. */
  #current: string | undefined;
  readonly #held = new Map<string, Held>();

  read(event: PlainTextEvent): Iterable<InTurnEvent> {
    switch (event.type) {
      case 'reasoning_delta':
        return [{ type: 'reasoning', reasoningId: event.reasoningId, text: event.delta }];
      case 'text_delta': {
        const { messageId, delta } = event;
        this.#current ??= messageId;
        if (messageId === this.#current) return [{ type: 'text', messageId, text: delta }];
        this.#hold(messageId).texts.push(delta);
        return [];
      }
      case 'text_end':
        if (event.messageId === this.#current) return this.#release();
        this.#hold(event.messageId).ended = true;
        return [];
      case 'status':
      case 'result':
      case 'error':
      case 'cancelled':
        return [event];
      default:
        // Sources and files are cited after all text.
        return [];
    }
  }

  #hold(messageId: string): Held {
    const known = this.#held.get(messageId);
    if (known) return known;
    const fresh: Held = { texts: [], ended: false };
    this.#held.set(messageId, fresh);
    return fresh;
  }

  /** What was held back, up to and with a message that goes on. */
  *#release(): Generator<InTurnEvent> {
    this.#current = undefined;
    for (const [messageId, { texts, ended }] of this.#held) {
      this.#held.delete(messageId);
      for (const text of textPieces(texts.join(''))) yield { type: 'text', messageId, text };
      if (ended) continue;
      this.#current = messageId;
      return;
    }
  }
}
