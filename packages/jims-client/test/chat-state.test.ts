import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { BLANK } from '../src/chat-message.ts';
import {
  NEW_CHAT,
  withEvents,
  withMessage,
  withChange,
  withRun,
  withStreamEvent,
  withoutRun,
} from '../src/chat-state.ts';
import type { ChatState } from '../src/chat-state.ts';
import { ChatStore } from '../src/chat-store.ts';
import type { StreamEvent, ThreadEvent } from '../src/index.ts';
import { Transport } from '../src/transport.ts';

function stored(number: number, role: string, id = `0000-${number}`): ThreadEvent {
  const at = String(number).padStart(6, '0');
  return {
    event_id: id,
    created_at: `2026-11-26T12:00:00.${at}Z`,
    event_type: role === 'user' ? 'comm.user_message' : 'comm.assistant_message',
    event_data: { role, content: `${role} ${number}` },
  };
}

/** A log in which the contact and the app speak by turns, or not. */
const log = fc
  .array(fc.constantFrom('user', 'assistant'), { minLength: 1, maxLength: 20 })
  .map((roles) => roles.map((role, index) => stored(index + 1, role)));

/** Some of them in any order, some several times. */
const pagesOf = (events: readonly ThreadEvent[]): fc.Arbitrary<ThreadEvent[][]> =>
  fc.array(fc.array(fc.constantFrom(...events), { maxLength: 8 }), { maxLength: 12 });

function shown(state: ChatState): string[] {
  return state.messages.map(({ text }) => text);
}

function streamEvent(
  position: readonly [number, number],
  delta: string,
  message = 'a',
): StreamEvent {
  return { id: position.join('.'), event: 'delta', data: { message_id: message, delta } };
}

function sending(state: ChatState, text: string): ChatState {
  const message = { ...BLANK, id: 'k', key: 'k', type: 'comm.user_message', text };
  return withMessage(state, undefined, { ...message, role: 'user', state: 'sending' });
}

function accepted(state: ChatState): ChatState {
  return withChange(state, 'k', { id: 'r', runId: 'r', state: 'complete' });
}

describe('the state of a chat', () => {
  test('whatever comes of the log, however often and in whatever order, it is shown once and in its order', () => {
    const logAndPages = log.chain((events) => fc.tuple(fc.constant(events), pagesOf(events)));
    fc.assert(
      fc.property(logAndPages, ([events, pages]) => {
        let state = NEW_CHAT;
        for (const page of pages) {
          state = withEvents(state, page);
          const keys = shown(state);
          const known = new Set(keys);
          assert.deepEqual(
            keys,
            events
              .map(({ event_data }) => event_data['content'])
              .filter((text) => known.has(String(text))),
          );
        }
        state = withEvents(state, events);
        assert.deepEqual(
          shown(state),
          events.map(({ event_data }) => event_data['content']),
        );
      }),
    );
  });

  test('events of a run that come twice, late, or of a lost attempt change nothing', () => {
    const attempts = fc.array(fc.array(fc.string({ minLength: 1 }), { maxLength: 6 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(attempts, fc.infiniteStream(fc.nat({ max: 3 })), (pieces, choices) => {
        let state = withRun(NEW_CHAT, 'r');
        const seen: StreamEvent[] = [];
        const take = (event: StreamEvent): void => {
          state = withStreamEvent(state, event);
          seen.push(event);
          // Something that was sent before arrives again.
          for (let count = choices.next().value; count > 0; count--) {
            const again = seen[choices.next().value % seen.length];
            if (again) state = withStreamEvent(state, again);
          }
        };
        for (const [index, attempt] of pieces.entries()) {
          if (index > 0) {
            take({ id: `${index + 1}.0`, event: 'restarted', data: { attempt: index + 1 } });
          }
          for (const [seq, piece] of attempt.entries())
            take(streamEvent([index + 1, seq + 1], piece));
          assert.equal(state.messages[0]?.text ?? '', attempt.join(''));
          assert.equal(state.run?.attempt, index + 1);
        }
      }),
    );
  });

  test('what was live is replaced by what is stored, under the same key', () => {
    let state = sending(NEW_CHAT, 'user 1');
    const keysOf = (): string[] => state.messages.map(({ key, text }) => `${key} ${text}`);
    state = withRun(accepted(state), 'r');
    state = withStreamEvent(state, streamEvent([1, 1], 'assistant', 'a'));
    state = withStreamEvent(state, streamEvent([1, 2], ' 2', 'a'));
    const live = keysOf();
    assert.deepEqual(live, ['k user 1', 'a assistant 2']);
    state = withEvents(state, [stored(2, 'assistant', 'a'), stored(1, 'user', 'r')]);
    assert.deepEqual(keysOf(), live);
    state = withoutRun(state);
    assert.deepEqual(keysOf(), live);
  });

  test('a message of which nobody knows whether it was accepted is found in the log', () => {
    const before = withEvents(NEW_CHAT, [stored(1, 'user'), stored(2, 'assistant')]);
    const failed = withChange(sending(before, 'user 3'), 'k', { state: 'failed' });
    const news = [stored(3, 'user', 'r'), stored(4, 'assistant')];
    const known = withEvents(failed, news);
    assert.deepEqual(shown(known), ['user 1', 'assistant 2', 'user 3', 'assistant 4']);
    assert.equal(known.messages[2]?.key, 'k');
  });

  test('what has not changed stays the same object', () => {
    const events = [stored(1, 'user'), stored(2, 'assistant')];
    const store = new ChatStore(new Transport({}), withRun(withEvents(NEW_CHAT, events), 'r'));
    store.update((state) => withStreamEvent(state, streamEvent([1, 1], 'x', 'a')));
    const before = store.getSnapshot();
    store.update((state) => withStreamEvent(state, streamEvent([1, 2], 'y', 'a')));
    const after = store.getSnapshot();
    assert.notEqual(after, before);
    assert.equal(after.messages[0], before.messages[0]);
    assert.equal(after.messages[1], before.messages[1]);
    assert.equal(after.run, before.run);
    store.set({});
    assert.equal(store.getSnapshot(), after);
  });

  test('a message that waits for its run stays after the answer that goes on', () => {
    let state = withRun(withEvents(NEW_CHAT, [stored(1, 'user', 'r0')]), 'r0');
    state = withStreamEvent(state, streamEvent([1, 1], 'first', 'a'));
    state = accepted(sending(state, 'next'));
    state = withStreamEvent(state, streamEvent([1, 2], 'second', 'b'));
    assert.deepEqual(shown(state), ['user 1', 'first', 'second', 'next']);
  });

  test('what an app puts into its own events may be of any type', () => {
    const odd = {
      ...stored(1, 'assistant'),
      event_data: {
        role: 'assistant',
        content: 'odd',
        reasoning: { steps: 1 },
        files: [null, 1, { path: '/tmp' }],
        sources: [[], { title: 'no address' }, { url: 'https://a.example' }],
        buttons: 'none',
      },
    };
    const [message] = withEvents(NEW_CHAT, [odd]).messages;
    assert.equal(message?.reasoning, '');
    assert.deepEqual(message?.files, []);
    assert.deepEqual(message?.sources, [{ url: 'https://a.example' }]);
    assert.deepEqual(message?.buttons, []);
  });
});
