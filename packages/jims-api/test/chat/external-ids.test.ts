import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Thread } from 'jims-core';

import {
  externalIdFor,
  externalIdIn,
  externalIdOf,
  idIn,
  isReserved,
} from '../../src/chat/external-ids.ts';
import { SERVICE, contact } from '../support/call.ts';

const ANNA = contact('anna');
const THREAD: Thread = {
  id: 't',
  contactId: 'anna',
  externalId: undefined,
  createdAt: '',
  config: {},
};

function seenBy(principal: typeof ANNA, externalId?: string): string | null {
  return externalIdFor(principal, externalId === undefined ? THREAD : { ...THREAD, externalId });
}

test('a protocol finds its own ids in external ids, and no others', () => {
  const made = externalIdIn('openai', 'chat:1');
  assert.equal(isReserved(made), true);
  assert.equal(idIn('openai', made), 'chat:1');
  assert.equal(idIn('open', made), undefined);
  assert.equal(idIn('a2a', made), undefined);
  assert.equal(idIn('openai', 'chat:1'), undefined);
  assert.equal(idIn('openai', undefined), undefined);
});

test('what a contact calls a thread is not what a service calls it', () => {
  assert.equal(externalIdOf(SERVICE, 'chat:1'), 'chat:1');
  assert.notEqual(externalIdOf(ANNA, 'chat:1'), 'chat:1');
  const made = externalIdIn('openai', 'chat:1');
  assert.equal(externalIdOf(ANNA, made), made);
});

test('a contact sees the external ids of contacts and protocols, and a service sees all', () => {
  const own = externalIdOf(ANNA, 'chat:1');
  const made = externalIdIn('openai', 'chat:1');
  assert.equal(seenBy(ANNA, own), 'chat:1');
  assert.equal(seenBy(ANNA, made), made);
  assert.equal(seenBy(ANNA, 'order:7'), null);
  assert.equal(seenBy(ANNA), null);
  assert.equal(seenBy(SERVICE, own), own);
  assert.equal(seenBy(SERVICE, 'order:7'), 'order:7');
  assert.equal(seenBy(SERVICE), null);
});
