import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLIENT_EVENT_TYPES, isAllowedEventType } from '../../src/chat/event-types.ts';

test('by default clients may send all but what the app and its assistant say', () => {
  for (const type of ['comm.user_message', 'comm.user_button_click', 'crm.note', 'stateful.x']) {
    assert.ok(isAllowedEventType(type, CLIENT_EVENT_TYPES), type);
  }
  for (const type of [
    'state.set.counter',
    'context.injected',
    'jims.lifecycle.thread_created',
    'comm.assistant_message',
    'comm.assistant_message_with_buttons',
  ]) {
    assert.ok(!isAllowedEventType(type, CLIENT_EVENT_TYPES), type);
  }
});

test('a star stands for anything, every other character for itself', () => {
  assert.ok(isAllowedEventType('comm.user_x', ['comm.user_*']));
  assert.ok(isAllowedEventType('comm.user_', ['comm.user_*']));
  assert.ok(isAllowedEventType('a.b\nc', ['a.*c']));
  assert.ok(!isAllowedEventType('commXuser_x', ['comm.user_*']));
  assert.ok(!isAllowedEventType('xcomm.user_x', ['comm.user_*']));
  assert.ok(isAllowedEventType('a.(b)', ['a.(b)']));
  assert.ok(!isAllowedEventType('a.b', ['a.(b)']));
});

test('what is forbidden stays so, wherever it stands among the patterns', () => {
  assert.ok(!isAllowedEventType('a.b', ['!a.*', '*']));
  assert.ok(!isAllowedEventType('a.b', ['*', '!a.*']));
  assert.ok(!isAllowedEventType('a.b', []));
  assert.ok(!isAllowedEventType('a.b', ['!c.*']), 'forbidding alone allows nothing');
});
