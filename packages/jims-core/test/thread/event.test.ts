import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { eventDomain, eventName, isInternalEvent, newEvent } from 'jims-core';

import { isCommunication } from '../../src/thread/event.ts';

test('a type has a domain before its first dot, and a name after it', () => {
  for (const [type, domain, name] of [
    ['comm.user_message', 'comm', 'user_message'],
    ['state.set.cart', 'state', 'set.cart'],
    ['vote', 'vote', ''],
  ] as const) {
    assert.equal(eventDomain(type), domain);
    assert.equal(eventName(type), name);
  }
});

test('events of three domains are internal', () => {
  for (const type of ['state.set.a', 'context.tool', 'jims.lifecycle.thread_created', 'state']) {
    assert.equal(isInternalEvent(type), true, type);
  }
  for (const type of ['comm.user_message', 'rag.answer', 'states.a']) {
    assert.equal(isInternalEvent(type), false, type);
  }
});

test('a message has a role and content', () => {
  assert.equal(isCommunication({ role: 'user', content: '' }), true);
  assert.equal(isCommunication({ role: 'user' }), false);
  assert.equal(isCommunication({ role: 1, content: 'x' }), false);
});

describe('newEvent', () => {
  test('copies its data as clean JSON', () => {
    const data = { at: new Date(0), text: 'a\0\ud83d', left: undefined };
    const event = newEvent('rag.answer', data, 'the-id');
    data.text = 'changed';
    assert.deepEqual(event, {
      id: 'the-id',
      type: 'rag.answer',
      data: { at: '1970-01-01T00:00:00.000Z', text: 'a\ufffd\ufffd' },
    });
  });

  test('makes an id', () => assert.match(newEvent('a.b', {}).id, /^[\da-f]{8}-[\da-f]{4}-7/));

  for (const type of ['', 'x'.repeat(256)]) {
    test(`refuses a type of ${type.length} characters`, () => {
      assert.throws(() => newEvent(type, {}), { code: 'invalid_event', message: /1 to 255/ });
    });
  }

  const circular: { self?: object } = {};
  circular.self = circular;
  for (const [what, data] of [
    ['a circle', circular],
    ['a BigInt', { n: 1n }],
    ['a list', []],
    ['a function', () => {}],
  ] as const) {
    test(`refuses ${what} as data`, () => {
      assert.throws(() => newEvent('a.b', data), {
        code: 'invalid_event',
        message: /event 'a\.b'/,
      });
    });
  }
});
