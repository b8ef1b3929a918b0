import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  lastEventIdInQuery,
  lastEventIdInvalid,
  lastEventIdNames,
  lastEventIdOf,
} from '../../src/http/last-event-id.ts';
import { callWith } from '../support/call.ts';

test('the header goes before the query', () => {
  const headers = { 'last-event-id': 'r.1.5' };
  assert.equal(lastEventIdOf(callWith({ headers })), 'r.1.5');
  assert.equal(lastEventIdOf(callWith({ headers, address: '/?lastEventId=r.1.4' })), 'r.1.5');
  assert.equal(lastEventIdOf(callWith({})), undefined);
});

test('an empty header is as none', () => {
  const call = callWith({ headers: { 'last-event-id': '' }, address: '/?lastEventId=r.1.4' });
  assert.equal(lastEventIdOf(call), 'r.1.4');
});

test('the query names it in the spelling of any polyfill', () => {
  for (const name of ['lastEventId', 'last_event_id', 'Last-Event-ID', 'lasteventid']) {
    assert.equal(lastEventIdOf(callWith({ address: `/?${name}=r.1.4` })), 'r.1.4', name);
  }
  for (const { name } of lastEventIdNames('after')) {
    assert.equal(lastEventIdOf(callWith({ address: `/?${name}=r.1.4` })), 'r.1.4', name);
  }
  assert.equal(lastEventIdOf(callWith({ address: '/?eventId=r.1.4' })), undefined);
  const twice = callWith({ address: '/?lastEventId=&last_event_id=r.1.4' });
  assert.equal(lastEventIdOf(twice), 'r.1.4', 'an empty member is passed over');
});

test('where the header means nothing, the query alone counts', () => {
  assert.equal(lastEventIdInQuery(callWith({ headers: { 'last-event-id': 'r.1.5' } })), undefined);
  assert.equal(lastEventIdInQuery(callWith({ address: '/?lastEventId=r.1.4' })), 'r.1.4');
});

test('an id that a stream never gave is refused with 400', () => {
  const { status, code } = lastEventIdInvalid();
  assert.deepEqual([status, code], [400, 'last_event_id_invalid']);
});
