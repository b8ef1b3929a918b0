import type { AgentStatus, Run, RunEnd } from 'jims-core';
import { textPieces } from 'jims-core/host';

import { toldRun } from '../../../chat/text-stream.ts';

/** What is told of a run where there is room for one message at a time. */
export type InTurnEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  | { readonly type: 'text'; readonly messageId: string; readonly text: string }
  | RunEnd;

interface Held {
  texts: string[];
  ended: boolean;
}

/** A run with its messages one after the other: what comes into the middle of one is held back. */
export async function* inTurn(run: Run): AsyncGenerator<InTurnEvent, void, void> {
  let current: string | undefined;
  const held = new Map<string, Held>();

  function hold(messageId: string): Held {
    const known = held.get(messageId);
    if (known) return known;
    const fresh: Held = { texts: [], ended: false };
    held.set(messageId, fresh);
    return fresh;
  }

  /** Lets out what was held back, up to a message that goes on. */
  function* release(): Generator<InTurnEvent> {
    current = undefined;
    for (const [messageId, { texts, ended }] of held) {
      held.delete(messageId);
      for (const text of textPieces(texts.join(''))) yield { type: 'text', messageId, text };
      if (ended) continue;
      current = messageId;
      return;
    }
  }

  for await (const event of toldRun(run)) {
    switch (event.type) {
      case 'text_start':
      case 'event':
        break;
      case 'text_delta': {
        const { messageId, delta } = event;
        current ??= messageId;
        if (messageId === current) yield { type: 'text', messageId, text: delta };
        else hold(messageId).texts.push(delta);
        break;
      }
      case 'text_end':
        if (event.messageId === current) yield* release();
        else hold(event.messageId).ended = true;
        break;
      default:
        yield event;
    }
  }
}
