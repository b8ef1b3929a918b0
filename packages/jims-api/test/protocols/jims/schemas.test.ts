import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { CLIENT_EVENT_TYPES } from '../../../src/chat/event-types.ts';
import { HttpError } from '../../../src/http/errors.ts';
import type { ValidationIssue } from '../../../src/http/errors.ts';
import { INCLUDES, parseChatRequest } from '../../../src/protocols/jims/schemas.ts';

const options = { allowedEventTypes: CLIENT_EVENT_TYPES, maxConfigBytes: 131_072 };
const ORDER = [
  'contact_id',
  'message',
  'thread_id',
  'thread_config',
  'event_type',
  'files',
  'run_conversation_start_on_new_thread',
  'include',
];
const HELLO = { contact_id: 'customer:42', message: 'Hello' };

function issuesOf(body: unknown): readonly ValidationIssue[] {
  try {
    parseChatRequest(body, options);
  } catch (error) {
    assert.ok(error instanceof HttpError);
    assert.equal(error.status, 422);
    assert.ok(typeof error.detail !== 'string');
    return error.detail;
  }
  return [];
}

const contactId = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
  .filter((text) => text === text.trim());
const requests = fc.record(
  {
    contact_id: contactId,
    message: fc.string({ unit: 'grapheme' }),
    thread_id: fc.option(fc.uuid()),
    thread_config: fc.dictionary(fc.string(), fc.jsonValue()),
    event_type: fc.constantFrom('comm.user_message', 'comm.user_button_click', 'crm.note'),
    files: fc.array(fc.uuid(), { maxLength: 20 }),
    run_conversation_start_on_new_thread: fc.boolean(),
    include: fc.uniqueArray(fc.constantFrom(...INCLUDES)),
  },
  { requiredKeys: ['contact_id', 'message'], noNullPrototype: true },
);

test('a sound request is taken as it is, and what it leaves out has a default', () => {
  fc.assert(
    fc.property(requests, (body) => {
      assert.deepEqual(parseChatRequest(body, options), {
        contactId: body.contact_id,
        message: body.message,
        threadId: body.thread_id ?? undefined,
        newThread: false,
        threadConfig: body.thread_config ?? { interface: 'api' },
        eventType: body.event_type ?? 'comm.user_message',
        sentFiles: (body.files ?? []).map((fileId) => ({ fileId })),
        runConversationStart: body.run_conversation_start_on_new_thread ?? false,
        include: new Set(body.include),
        options: { onDisconnect: 'continue' },
      });
    }),
  );
});

test('members that nobody knows change nothing', () => {
  const unknown = fc.dictionary(
    fc.string().filter((name) => !ORDER.includes(name)),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(requests, unknown, (body, more) => {
      assert.deepEqual(
        parseChatRequest({ ...more, ...body }, options),
        parseChatRequest(body, options),
      );
    }),
  );
});

test('any other body is refused with a short list of issues in the order of the members', () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.record(Object.fromEntries(ORDER.map((name) => [name, fc.jsonValue()])), {
      requiredKeys: [],
      noNullPrototype: true,
    }),
  );
  fc.assert(
    fc.property(anything, fc.nat(200_000), (body, padding) => {
      const large =
        Array.isArray(body) || typeof body !== 'object' || body === null
          ? body
          : { ...body, padding: 'x'.repeat(padding) };
      const issues = issuesOf(large);
      assert.ok(JSON.stringify(issues).length < 30_000);
      const places = issues.map(({ loc }) => ORDER.indexOf(String(loc[1])));
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      );
      for (const { loc, msg, type } of issues) {
        assert.equal(loc[0], 'body');
        assert.ok(msg);
        assert.match(type, /^[a-z_]+$/);
      }
    }),
  );
});

test('every member that is wrong is named, each in the words of pydantic', () => {
  const body = {
    contact_id: 1,
    thread_id: 'x',
    thread_config: [],
    event_type: null,
    run_conversation_start_on_new_thread: 'perhaps',
    include: ['thread', 'everything', 5],
  };
  const picklist =
    "Input should be 'thread', 'start', 'delta', 'event', 'usage', 'step', 'reasoning', 'tool', 'source', 'file' or 'heartbeat'";
  assert.deepEqual(
    issuesOf(body).map(({ type, loc, msg, input }) => ({ type, loc, msg, input })),
    [
      {
        type: 'string_type',
        loc: ['body', 'contact_id'],
        msg: 'Input should be a valid string',
        input: 1,
      },
      { type: 'missing', loc: ['body', 'message'], msg: 'Field required', input: body },
      {
        type: 'uuid_parsing',
        loc: ['body', 'thread_id'],
        msg: 'Input should be a valid UUID, invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `x` at 1',
        input: 'x',
      },
      {
        type: 'dict_type',
        loc: ['body', 'thread_config'],
        msg: 'Input should be a valid dictionary',
        input: [],
      },
      {
        type: 'string_type',
        loc: ['body', 'event_type'],
        msg: 'Input should be a valid string',
        input: null,
      },
      {
        type: 'bool_parsing',
        loc: ['body', 'run_conversation_start_on_new_thread'],
        msg: 'Input should be a valid boolean, unable to interpret input',
        input: 'perhaps',
      },
      { type: 'literal_error', loc: ['body', 'include', 1], msg: picklist, input: 'everything' },
      { type: 'literal_error', loc: ['body', 'include', 2], msg: picklist, input: 5 },
    ],
  );
  assert.equal(issuesOf({ ...HELLO, include: 'thread' })[0]?.type, 'list_type');
  assert.equal(issuesOf({ ...HELLO, thread_id: 7 })[0]?.type, 'uuid_type');
});

test('a body that is not an object is one issue, about the body', () => {
  for (const body of [undefined, null]) {
    assert.deepEqual(issuesOf(body), [
      { type: 'missing', loc: ['body'], msg: 'Field required', input: null },
    ]);
  }
  for (const body of [[], [HELLO], 'text', 1, true]) {
    const [issue, ...more] = issuesOf(body);
    assert.deepEqual(more, []);
    assert.equal(issue?.type, 'model_attributes_type');
    assert.deepEqual(issue?.loc, ['body']);
    assert.deepEqual(issue?.input, body);
  }
});

test('a contact has a name that can be seen', () => {
  const typeFor = (contact_id: string): string | undefined =>
    issuesOf({ ...HELLO, contact_id })[0]?.type;
  assert.equal(typeFor(''), 'string_too_short');
  for (const padded of [' ', '\t', '\u00A0', ' a', 'a ', 'a\n', '\u2003a']) {
    assert.equal(typeFor(padded), 'string_pattern_mismatch', JSON.stringify(padded));
  }
  assert.equal(typeFor('nobody:openai'), 'string_pattern_mismatch');
  assert.equal(typeFor('c'.repeat(513)), 'string_too_long');
  for (const name of ['a', 'a b', 'c'.repeat(512), 'клиент:42 — 🧑‍🚀', "x' OR '1'='1"]) {
    assert.equal(typeFor(name), undefined, name);
  }
});

test('an event type has a domain and a name, and is one that clients may send', () => {
  const typeFor = (event_type: string): string | undefined =>
    issuesOf({ ...HELLO, event_type })[0]?.type;
  for (const odd of [
    '',
    'comm',
    'comm.',
    '.x',
    'comm..x',
    'COMM.x',
    ' comm.x',
    'comm.a b',
    'a.\n',
  ]) {
    assert.equal(typeFor(odd), 'string_pattern_mismatch', JSON.stringify(odd));
  }
  assert.equal(typeFor(`comm.${'x'.repeat(251)}`), 'string_too_long');
  for (const forged of ['state.set.x', 'context.x', 'jims.x', 'comm.assistant_message']) {
    assert.equal(typeFor(forged), 'value_error', forged);
  }
  for (const sound of ['comm.user_x', `comm.${'x'.repeat(250)}`, 'comm.сообщение', 'rag.v2.done']) {
    assert.equal(typeFor(sound), undefined, sound);
  }
});

test('a message answers one question, the open one, or none', () => {
  const rule = (more: object): unknown =>
    parseChatRequest({ ...HELLO, ...more }, options).options.answer;
  const questionId = '0190d3a0-0000-7000-8000-000000000001';
  const named = { kind: 'question', questionId, audience: 'contact' };
  assert.equal(rule({}), undefined);
  assert.equal(rule({ answer: true, answers: null }), undefined);
  assert.deepEqual(rule({ answer: false }), { kind: 'decline' });
  assert.deepEqual(rule({ answers: questionId.toUpperCase() }), named);
  const issueOf = (more: object): unknown => issuesOf({ ...HELLO, ...more })[0]?.loc;
  assert.deepEqual(issueOf({ answers: 'the last one' }), ['body', 'answers']);
  // Not by the words that other members take: a client that writes an answer here must not lose it.
  for (const answer of ['yes', 'no', 0, null]) {
    assert.deepEqual(issueOf({ answer }), ['body', 'answer'], String(answer));
  }
  assert.deepEqual(issueOf({ answer: false, answers: questionId }), ['body', 'answer']);
});

test('an operator may name the event types that clients send', () => {
  const only = { ...options, allowedEventTypes: ['comm.user_*', 'state.set.theme'] };
  const send = (event_type: string) => () => parseChatRequest({ ...HELLO, event_type }, only);
  assert.equal(send('state.set.theme')().eventType, 'state.set.theme');
  assert.throws(send('crm.note'), { status: 422 });
  assert.throws(send('state.set.counter'), { status: 422 });
});

test('booleans come in the spellings that pydantic takes', () => {
  const start = (value: unknown): boolean =>
    parseChatRequest({ ...HELLO, run_conversation_start_on_new_thread: value }, options)
      .runConversationStart;
  for (const yes of [true, 1, 1.0, '1', 'true', 'TRUE', 't', 'yes', 'Y', 'on']) {
    assert.equal(start(yes), true, String(yes));
  }
  for (const no of [false, 0, -0, '0', 'false', 'F', 'no', 'n', 'off']) {
    assert.equal(start(no), false, String(no));
  }
  const typeFor = (value: unknown): string | undefined =>
    issuesOf({ ...HELLO, run_conversation_start_on_new_thread: value })[0]?.type;
  for (const wrong of ['', ' true', 'maybe', 'да', 2, -1])
    assert.equal(typeFor(wrong), 'bool_parsing');
  for (const wrong of [null, 0.5, [], {}, [true]]) assert.equal(typeFor(wrong), 'bool_type');
});
