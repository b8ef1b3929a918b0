import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as v from 'valibot';

import {
  actingAs,
  bodyWithContact,
  contactId,
  contactInPath,
  contactInQuery,
  contactOf,
  isNobody,
  isNobodys,
  mayReach,
  nobody,
  requireContactId,
} from '../../src/http/contact.ts';
import { HttpError } from '../../src/http/errors.ts';
import type { Principal } from '../../src/http/principal.ts';
import { SERVICE, callWith, contact } from '../support/call.ts';

const ANNA = contact('anna');
const HEADER = 'x-jims-contact-id';

function refusal(status: number, code?: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof HttpError && error.status === status && (!code || error.code === code);
}

test('a contact has any name of 1 to 512 characters, without space around it', () => {
  const names = 'a customer:42 ... .a Łucja 😀 nobody'.split(' ');
  for (const name of [...names, 'ann smith', 'x'.repeat(512)]) {
    assert.equal(v.is(contactId, name), true, name);
    assert.equal(requireContactId(name, ['query', 'contact_id']), name);
  }
  const halves = '\ud83d anna\ud83d \ude00anna \ude00\ud83d a\0b a\ufffd'.split(' ');
  const spaces = ['', ' ', ' anna', 'anna\n'];
  // What no path can name, and what is kept for others.
  const others = ['.', '..', 'x'.repeat(513), nobody('openai'), 7];
  for (const name of [...halves, ...spaces, ...others]) {
    assert.equal(v.is(contactId, name), false, String(name));
  }
  assert.throws(() => requireContactId(nobody('openai'), ['query']), refusal(422));
});

test('nobody has a name for each protocol, and no caller can take it', () => {
  assert.equal(isNobody(nobody('openai')), true);
  assert.equal(isNobody('openai'), false);
  assert.equal(isNobodys(contact(nobody('openai'))), true);
  assert.equal(isNobodys(ANNA), false);
  assert.equal(isNobodys(SERVICE), false);
});

describe('the header that names a contact', () => {
  const acting = (principal: Principal, header?: string, required = false): unknown => {
    const headers = header === undefined ? {} : { [HEADER]: header };
    return actingAs(principal, new Request('http://localhost', { headers }), { required });
  };

  test('makes a service that contact', () => {
    const anna = { kind: 'contact', id: 'key-1', contactId: 'anna' };
    assert.deepEqual(acting(SERVICE, 'anna'), { principal: anna, contactByHeader: true });
    assert.deepEqual(acting(SERVICE), { principal: SERVICE, contactByHeader: false });
  });

  test('changes nothing for a contact, who can name only themselves', () => {
    assert.deepEqual(acting(ANNA, 'anna'), { principal: ANNA, contactByHeader: false });
    assert.throws(() => acting(ANNA, 'bert'), refusal(404));
  });

  test('may be required of services', () => {
    assert.throws(() => acting(SERVICE, undefined, true), refusal(400, 'contact_header_required'));
    assert.deepEqual(acting(ANNA, undefined, true), { principal: ANNA, contactByHeader: false });
  });

  test('names one contact', () => {
    for (const header of ['', 'anna, bert', 'anna,']) {
      assert.throws(() => acting(SERVICE, header), refusal(400, 'contact_header_invalid'), header);
    }
    assert.throws(() => acting(SERVICE, nobody('openai')), refusal(422));
  });
});

describe('the contact of a request', () => {
  const byHeader = callWith({ principal: ANNA, contactByHeader: true });

  test('is for a service the one that it names', () => {
    assert.equal(contactOf(callWith({}), 'anna'), 'anna');
    assert.equal(contactOf(callWith({}), undefined), undefined);
  });

  test('is for a contact themselves, and naming another one finds nothing', () => {
    const call = callWith({ principal: ANNA });
    assert.equal(contactOf(call, undefined), 'anna');
    assert.equal(contactOf(call, 'anna'), 'anna');
    assert.throws(() => contactOf(call, 'bert'), refusal(404));
    assert.equal(contactOf(byHeader, 'bert'), 'anna', 'after the header nothing else counts');
  });

  test('in a path is the caller, or any for a service', () => {
    const params = { contact_id: 'anna' };
    assert.equal(contactInPath(callWith({ params })), 'anna');
    assert.equal(contactInPath(callWith({ params, principal: ANNA })), 'anna');
    assert.throws(
      () => contactInPath(callWith({ params, principal: contact('bert') })),
      refusal(404),
    );
  });

  test('in a query must be a name that a contact can have', () => {
    assert.equal(contactInQuery(callWith({ address: '/?contact_id=anna' })), 'anna');
    assert.equal(contactInQuery(callWith({ address: '/?contact_id=' })), undefined);
    assert.equal(contactInQuery(callWith({})), undefined);
    assert.throws(() => contactInQuery(callWith({ address: '/?contact_id=%20a' })), refusal(422));
    const both = callWith({ address: '/?contact_id=%20a', contactByHeader: true });
    assert.equal(contactInQuery(both), undefined, 'after the header nothing else counts');
  });

  test('is put into the body of a contact that does not name themselves', async () => {
    const body = { contact_id: 'bert', message: 'Hi' };
    const of = (principal: Principal, given: unknown, contactByHeader = false): Promise<unknown> =>
      bodyWithContact(callWith({ principal, body: given, contactByHeader }));
    assert.deepEqual(await of(SERVICE, body), body);
    assert.deepEqual(await of(ANNA, { message: 'Hi' }), { contact_id: 'anna', message: 'Hi' });
    assert.deepEqual(await of(ANNA, body), body, 'to be refused later');
    assert.deepEqual(await of(ANNA, body, true), { contact_id: 'anna', message: 'Hi' });
    assert.deepEqual(await of(ANNA, [body]), [body], 'not an object: to be refused later');
  });
});

test('a contact reaches their own threads, and a service those of the contact that it names', () => {
  const annas = { contactId: 'anna' };
  const may = (principal: Principal, named?: string, sharedThreads = false): boolean =>
    mayReach({ sharedThreads }, callWith({ principal }), annas, named);
  assert.equal(may(ANNA), true);
  assert.equal(may(contact('bert')), false);
  assert.equal(may(contact('bert'), 'anna', true), false);
  assert.equal(may(SERVICE), true);
  assert.equal(may(SERVICE, 'anna'), true);
  assert.equal(may(SERVICE, 'bert'), false);
  assert.equal(may(SERVICE, 'bert', true), true);
});
