// Where the history that a client sends with each message fits the log of its thread.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';
import { newId } from 'jims-core';
import type { ThreadEvent } from 'jims-core';

import type { HistoryMessage } from '../../src/chat/alignment.ts';
import { align, questionsOf } from '../../src/chat/alignment.ts';

type LogEvent = Pick<ThreadEvent, 'id' | 'type' | 'data'>;

const RECEIVED_AT = Date.now();
/** Made long ago. */
const OLD_ID = '018f0000-0000-7000-8000-000000000000';

function user(content: string): HistoryMessage {
  return { role: 'user', content };
}

function assistant(content: string): HistoryMessage {
  return { role: 'assistant', content };
}

function asked(content: string, id = OLD_ID): LogEvent {
  return { id, type: 'comm.user_message', data: { role: 'user', content } };
}

/** A question, what the app keeps for itself, and an answer with buttons. */
function exchange(content: string, id = OLD_ID): readonly LogEvent[] {
  return [
    asked(content, id),
    { id, type: 'state.set.plan', data: { of: content } },
    {
      id,
      type: 'comm.assistant_message_with_buttons',
      data: { role: 'assistant', content: `answer to ${content}`, buttons: [] },
    },
  ];
}

/** An exchange whose question has a file. */
function withFile([question, ...rest]: readonly LogEvent[]): readonly LogEvent[] {
  assert.ok(question);
  const files = [{ file_id: OLD_ID, name: 'a.png', media_type: 'image/png', size: 3 }];
  return [{ ...question, data: { ...question.data, files } }, ...rest];
}

/** A log with an answer between two questions, and how its client lists it. */
function answeredBy(content: string, listedAs: string | null): readonly LogEvent[] {
  const [question, ...rest] = exchange(content);
  assert.ok(question);
  const answer = { ...question, data: { ...question.data, listed_as: listedAs } };
  return [...exchange('a'), answer, ...rest, ...exchange('b')];
}

const whole = ({ length }: readonly LogEvent[]): Placed => ({ shared: length, added: [] });

interface Placed {
  /** How many events of the log come before the new message. */
  readonly shared: number;
  readonly added: readonly HistoryMessage[];
}

async function place(
  log: readonly LogEvent[],
  earlier: readonly HistoryMessage[],
  message: string,
  trusted = true,
): Promise<Placed> {
  // In two pieces, as a long log is read.
  const events = log.map((event, index) => ({ ...event, threadId: '', createdAt: String(index) }));
  const half = Math.floor(log.length / 2);
  const pieces = ReadableStream.from([events.slice(0, half), events.slice(half)]);
  const questions = await questionsOf(pieces);
  const { fork, added } = align(questions, { earlier, message, trusted, receivedAt: RECEIVED_AT });
  return { shared: fork ? Number(fork.createdAt) : log.length, added };
}

const A_B = [...exchange('a'), ...exchange('b')];
const ALL = { shared: A_B.length, added: [] };

describe('a thread goes on', () => {
  const both = [user('a'), assistant('reworded'), user('b'), assistant('B')];

  test('when its client has the same questions', async () => {
    assert.deepEqual(await place(A_B, both, 'c'), ALL);
    assert.deepEqual(await place([], [], 'a'), { shared: 0, added: [] });
  });

  test('when its client has messages that were refused, wherever they are', async () => {
    const lists = [
      [...both, user('refused')],
      [...both, user('refused'), user('again')],
      [user('refused'), ...both],
      [user('a'), assistant('A'), user('refused'), user('b'), assistant('B')],
      [user('a'), assistant('A'), user('refused'), assistant('Error'), user('b')],
    ];
    for (const earlier of lists) assert.deepEqual(await place(A_B, earlier, 'c'), ALL);
  });

  test('when a message is refused, and sent again in the same words', async () => {
    assert.deepEqual(await place(A_B, [...both, user('c')], 'c'), ALL);
    assert.deepEqual(await place(A_B, both, 'b'), ALL, 'a question may be asked twice');
  });

  test('when something was asked after its client sent the request', async () => {
    const log = [...exchange('a'), ...exchange('other', newId())];
    assert.deepEqual(await place(log, [user('a')], 'b'), { shared: log.length, added: [] });
    for (const id of [
      '18f0b1c2-0000-4000-8000-000000000000',
      'ffffffff-0000-7000-8000-000000000000',
    ]) {
      const original = [...exchange('a'), ...exchange('other', id)];
      const { shared } = await place(original, [user('a')], 'b');
      assert.equal(shared, 3, 'an id of another writer');
    }
  });

  test('when an answer was given without a message, or with other words than those of its message', async () => {
    const clicked = answeredBy('yes', null);
    const without = [user('a'), user('b')];
    assert.deepEqual(await place(clicked, without, 'c'), whole(clicked));
    assert.deepEqual(await place(clicked, [user('a')], 'yes'), { shared: 6, added: [] });
    // A page that was loaded anew lists it.
    const listed = [user('a'), assistant('A'), user('yes'), assistant('Y'), user('b')];
    assert.deepEqual(await place(clicked, listed, 'c'), whole(clicked));
    const reworded = answeredBy('{"size":"l"}', 'Large');
    const other = [user('a'), assistant('A'), user('Large'), assistant('L'), user('b')];
    assert.deepEqual(await place(reworded, other, 'c'), whole(reworded));
    assert.deepEqual(await place(reworded, without, 'c'), { shared: 3, added: [] });
  });

  test('when its client sends the files of earlier messages again, or leaves them out', async () => {
    const log = [withFile(exchange('a')), exchange('b')].flat();
    const file = { content: 'aGk=', name: undefined, mediaType: undefined };
    const sent = [{ ...user('a'), files: [file] }, assistant('A'), user('b'), assistant('B')];
    assert.deepEqual(await place(log, sent, 'c'), whole(log));
    assert.deepEqual(await place(log, both, 'c'), whole(log));
    // What had no file has one now: it was edited.
    assert.deepEqual(await place(A_B, sent, 'c', false), { shared: 0, added: [] });
  });

  test('when its client leaves out the beginning of a long chat', async () => {
    const log = ['a', 'b', 'a', 'c'].flatMap((text) => exchange(text));
    const c = [user('c'), assistant('C')];
    for (const trusted of [true, false]) {
      assert.deepEqual(await place(log, c, 'd', trusted), whole(log));
      assert.deepEqual(
        await place(log, [assistant('B'), user('b'), user('a'), ...c], 'd', trusted),
        whole(log),
      );
      // Another answer, and an edited message.
      assert.deepEqual(await place(log, [user('b'), user('a')], 'c', trusted), {
        shared: 9,
        added: [],
      });
      assert.deepEqual(await place(log, [user('b')], 'edited', trusted), { shared: 6, added: [] });
    }
  });

  test('when its client took a message back whose run failed', async () => {
    const failed = [...exchange('a'), asked('oops'), ...exchange('b')];
    assert.deepEqual(await place(failed, both, 'c'), { shared: failed.length, added: [] });
    const last = [...A_B, asked('oops')];
    assert.deepEqual(await place(last, both, 'c'), { shared: last.length, added: [] });
  });
});

test('texts that begin alike are told apart, however long they are', async () => {
  const long = 'x'.repeat(1000);
  const log = [...exchange(`${long}1`), ...exchange(`${long}2`)];
  const first = [user(`${long}1`), assistant('1')];
  assert.equal((await place(log, [...first, user(`${long}2`)], 'c')).shared, log.length);
  assert.equal((await place(log, [...first, user(`${long}3`)], 'c')).shared, 3);
});

describe('a thread is forked', () => {
  test('where its client edited a message, or wants another answer', async () => {
    const first = [user('a'), assistant('A')];
    const behindA = { shared: 3, added: [] };
    assert.deepEqual(await place(A_B, first, 'edited'), behindA);
    assert.deepEqual(await place(A_B, first, 'b'), behindA);
    assert.deepEqual(await place(A_B, [...first, user('refused')], 'edited'), behindA);
    assert.deepEqual(await place(A_B, [], 'edited'), { shared: 0, added: [] });
  });

  test('before a question that failed and is asked again', async () => {
    const failed = [...exchange('a'), asked('oops')];
    assert.deepEqual(await place(failed, [user('a')], 'oops'), { shared: 3, added: [] });
  });

  test('to hold what its client was answered by another service, if the client is trusted', async () => {
    const foreign = [user('x'), assistant('X'), assistant('X2')];
    const earlier = [user('a'), user('b'), assistant('B'), ...foreign, user('refused')];
    assert.deepEqual(await place(A_B, earlier, 'c'), { shared: A_B.length, added: foreign });
    assert.deepEqual(await place(A_B, earlier, 'c', false), ALL);
    const replaced = [user('a'), assistant('A'), ...foreign];
    assert.deepEqual(await place(A_B, replaced, 'c'), { shared: 3, added: foreign });
  });
});

/** What a client and its user may do, to one of the messages that the client has. */
const STEPS = [
  'send',
  'refused',
  'refused, taken back',
  'failed',
  'failed, taken back',
  'edit',
  'answer anew',
] as const;
const steps = fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.nat()), { maxLength: 25 });

/** A chat as it stands: what the service has of it, and what the client. */
interface Chat {
  readonly log: readonly LogEvent[];
  readonly client: readonly HistoryMessage[];
}

type Step = readonly [step: (typeof STEPS)[number], choice: number];

async function after({ log, client }: Chat, [step, choice]: Step, fresh: string): Promise<Chat> {
  const questions = client.flatMap(({ role }, at) => (role === 'user' ? [at] : []));
  const chosen = questions[choice % Math.max(questions.length, 1)] ?? 0;
  const changes = step === 'edit' || step === 'answer anew';
  const earlier = changes ? client.slice(0, chosen) : client;
  const again = step === 'answer anew' ? client[chosen]?.content : undefined;
  const message = again ?? fresh;
  if (step === 'refused') return { log, client: [...client, user(message)] };
  if (step === 'refused, taken back') return { log, client };
  const found = await place(log, earlier, message);
  assert.deepEqual(found, { shared: expectedIn(log, { earlier, message }), added: [] });
  const before = log.slice(0, found.shared);
  switch (step) {
    case 'failed':
      return { log: [...before, asked(message)], client: [...earlier, user(message)] };
    case 'failed, taken back':
      return { log: [...before, asked(message)], client: earlier };
    default:
      return {
        log: [...before, ...exchange(message)],
        client: [...earlier, user(message), assistant('reworded')],
      };
  }
}

test('whatever is refused, fails, is edited or answered anew: the log is what was said, as far as it holds', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      let chat: Chat = { log: [], client: [] };
      for (const [index, step] of all.entries()) chat = await after(chat, step, `m${index}`);
    }),
  );
});

/** All texts are different here: what a client keeps of a log is known by them. */
function expectedIn(
  log: readonly LogEvent[],
  { earlier, message }: { readonly earlier: readonly HistoryMessage[]; readonly message: string },
): number {
  const kept = new Set(earlier.map(({ content }) => content));
  const last = log.findLastIndex(({ data }) => kept.has(String(data['content'])));
  const missing = log.findIndex(
    ({ data: { role, content } }, index) =>
      index > last &&
      role === 'user' &&
      (content === message || log[index + 2]?.data['role'] === 'assistant'),
  );
  return missing < 0 ? log.length : missing;
}

const words = fc.constantFrom('yes', 'no', 'ok');

test('a client that has all questions never loses the thread, whatever else it has, and in the same words', async () => {
  const questions = fc.array(fc.tuple(words, fc.boolean()), { maxLength: 8 });
  const extras = fc.array(fc.tuple(words, fc.nat(8)), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(questions, extras, async (stored, refused) => {
      const log = stored.flatMap(([text, answered]) => (answered ? exchange(text) : [asked(text)]));
      const earlier = stored.map(([text]) => user(text));
      for (const [text, at] of refused) earlier.splice(Math.min(at, earlier.length), 0, user(text));
      assert.deepEqual(await place(log, earlier, 'new'), { shared: log.length, added: [] });
    }),
  );
});
