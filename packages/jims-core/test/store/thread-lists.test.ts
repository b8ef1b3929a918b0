// Threads as people see them: in what order, by what, with which title, and found by which words.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventPosition, RunThread, Store, ThreadQuery } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { NewEvent } from '../../src/thread/event.ts';
import { FEEDBACK_GIVEN, THREAD_TITLED } from '../../src/thread/message.ts';
import { MAX_EXCERPT, MAX_TITLE } from '../../src/thread/thread.ts';
import type { Thread, ThreadOverview } from '../../src/thread/thread.ts';
import { ask } from '../support/durable-runs.ts';
import {
  answer,
  eventsOf,
  freshStore,
  latestOf,
  question,
  threadsOf,
  untilClockTicks,
} from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('the thread whose newest event is newest comes first, in pages without a gap', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const made: Thread[] = [];
    for (const contactId of ['a', 'b', 'a', 'a', 'b']) made.push(await threadOf(store, contactId));
    for (const index of [3, 0, 4, 2]) {
      await untilClockTicks();
      await store.appendEvents(idAt(made, index), [newEvent('rag.looked', {})]);
    }
    const order = [2, 4, 0, 3, 1];
    assert.deepEqual(await paged(store, {}), named(made, order));
    assert.deepEqual(await paged(store, { contactId: 'a' }), named(made, [2, 0, 3]));
    assert.deepEqual(await paged(store, { order: 'created' }), named(made, [4, 3, 2, 1, 0]));
    const [first] = await threadsOf(store, { limit: 1 });
    assert.equal(first?.lastEventAt, (await eventsOf(store, idAt(made, 2))).at(-1)?.createdAt);
  });

  test('a new thread is there although more came before it than one read takes in', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread: old } = await store.openThread({ contactId: 'a' });
    for (let n = 0; n < 22; n++) {
      await store.appendEvents(
        old.id,
        Array.from({ length: 1000 }, () => newEvent('rag.looked', {})),
      );
    }
    const { thread } = await store.openThread({ contactId: 'a' });
    const overview = await store.threadOverview(thread.id);
    assert.equal(overview?.id, thread.id);
    assert.equal(overview.lastEventAt, thread.createdAt);
    assert.deepEqual(shown(overview), [undefined, undefined, undefined]);
  });

  test('a list of current threads leaves out those whose external id was taken over', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const rest = { threadConfig: {}, events: [] };
    const chat: RunThread = { kind: 'external', contactId: 'a', externalId: 'chat', ...rest };
    const old = await user.accept('one', { thread: chat });
    await user.finish(old);
    await untilClockTicks();
    const fork: RunThread = { ...chat, kind: 'new', replaces: old.thread.id };
    const next = await user.accept('uno', { thread: fork });
    // What still comes to the old one does not bring it back.
    await untilClockTicks();
    await store.appendEvents(old.thread.id, [answer('late')]);
    const [ids, both] = [[next.thread.id], [old.thread.id, next.thread.id]];
    for (const order of ['activity', 'created'] as const) {
      assert.deepEqual(await paged(store, { contactId: 'a', current: true, order }), ids);
      assert.deepEqual(await paged(store, { current: true, order }), ids);
      const all = await paged(store, { contactId: 'a', order });
      assert.deepEqual(all, order === 'activity' ? both : both.toReversed());
    }
    assert.deepEqual(await paged(store, { current: true, externalId: 'chat' }), ids);
  });

  test('a thread has the beginning of the contact’s first message as its title, and its newest message', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const thread = await threadOf(store, 'a');
    assert.deepEqual(shown(await store.threadOverview(thread.id)), [
      undefined,
      undefined,
      undefined,
    ]);
    const said = [
      answer('Welcome!'),
      newEvent('comm.user_message', {
        role: 'user',
        content: '  Hello,\n\n my\torder  is\u0007 late ',
      }),
      newEvent('context.note', { role: 'user', content: 'not said' }),
      question('second'),
      newEvent('comm.assistant_message_with_buttons', {
        role: 'assistant',
        content: 'Which\none?',
        buttons: [],
      }),
      newEvent('state.set.x', { value: 1 }),
    ];
    await store.appendEvents(thread.id, said);
    const overview = await store.threadOverview(thread.id);
    assert.deepEqual(shown(overview), ['Hello, my order is late', 'assistant', 'Which one?']);
    assert.equal(overview?.isWaiting, false);
    assert.deepEqual((await store.listThreads({ limit: 1 })).threads, [overview]);
    const {
      title: _title,
      lastEventAt: _at,
      lastMessage: _last,
      isWaiting: _is,
      ...plain
    } = overview;
    assert.deepEqual(plain, thread);
    assert.equal(await store.threadOverview('no-uuid'), undefined);
    assert.equal(await store.threadOverview(answer('').id), undefined);
  });

  test('a title that was set counts until it is taken back', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { id } = await threadOf(store, 'a', [question('by itself')]);
    const titles: unknown[] = [];
    for (const title of ['one', 'two\nlines', null, '', 'three', ' ', 7]) {
      await store.appendEvents(id, [newEvent(THREAD_TITLED, { title }), answer('and on')]);
      titles.push((await store.threadOverview(id))?.title);
    }
    const own = 'by itself';
    assert.deepEqual(titles, ['one', 'two lines', own, own, 'three', own, own]);
  });

  test('a title and a rating do not move a thread in the list', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const made: Thread[] = [];
    for (let n = 0; n < 3; n++) made.push(await threadOf(store, 'a'));
    const message = answer('Hello');
    await untilClockTicks();
    await store.appendEvents(idAt(made, 0), [message]);
    await untilClockTicks();
    await store.appendEvents(idAt(made, 1), [question('Hi')]);
    const order = named(made, [1, 0, 2]);
    await untilClockTicks();
    await store.setFeedback(idAt(made, 0), message.id, { value: 'up' });
    await store.setFeedback(idAt(made, 0), message.id, undefined);
    await store.appendEvents(idAt(made, 2), [newEvent(THREAD_TITLED, { title: 'Mine' })]);
    assert.deepEqual(await paged(store, { contactId: 'a' }), order);
  });

  test('long titles and excerpts are cut between characters', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const family = '👨‍👩‍👧‍👦';
    for (const text of [
      'x'.repeat(MAX_TITLE),
      'x'.repeat(MAX_TITLE + 1),
      `${'x'.repeat(MAX_TITLE - 2)}👋👋`,
      family.repeat(100),
      `${' \n'.repeat(3000)}late`,
      `beginning "quoted" \\ ü ${'long '.repeat(300_000)}`,
    ]) {
      const { id } = await threadOf(store, 'a', [question(text)]);
      const { title = '', lastMessage } = (await store.threadOverview(id)) ?? {};
      const line = text.replaceAll(/\s+/g, ' ').trim();
      for (const [cut, max] of [
        [title, MAX_TITLE],
        [lastMessage?.excerpt ?? '', MAX_EXCERPT],
      ] as const) {
        assert.ok(cut.length <= max && cut.isWellFormed(), cut);
        if (line.length <= max && text.length < 1000) assert.equal(cut, line);
        else assert.ok(cut.endsWith('…'), cut);
        assert.ok(line.startsWith(cut.replace(/…$/, '')), cut);
        assert.doesNotMatch(cut, /\u200d…$/, 'a family stays together');
      }
    }
  });

  test('threads whose contact is asked something are listed as waiting, as long as the question is open', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const principal = { kind: 'contact', id: 'x', contactId: 'a' } as const;
    await threadOf(store, 'a', [question('not asked')]);
    const run = await user.accept('Hi', { thread: latestOf('b'), durable: { principal } });
    await ask(user, run);
    const waiting = { waiting: true } as const;
    for (const query of [{}, { contactId: 'b' }, { contactId: 'b', current: true }]) {
      assert.deepEqual(await paged(store, { ...query, ...waiting }), [run.thread.id]);
    }
    assert.equal((await store.threadOverview(run.thread.id))?.isWaiting, true);
    assert.deepEqual(await paged(store, { contactId: 'a', ...waiting }), []);
    await store.requestCancel(run.runId);
    assert.deepEqual(await paged(store, waiting), []);
    assert.equal((await store.threadOverview(run.thread.id))?.isWaiting, false);
  });

  test('threads are found by all words of a message, the last one by its beginning', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const orders = await threadOf(store, 'a', [
      question('Where is my ORDER of blue shoes?'),
      answer('It is on its way.'),
    ]);
    await untilClockTicks();
    const shoes = await threadOf(store, 'a', [question('Red shoes, please')]);
    await threadOf(store, 'b', [question('blue shoes of another contact')]);
    const found = (words: string): Promise<readonly string[]> =>
      paged(store, { contactId: 'a', words });
    assert.deepEqual(await found('shoes'), [shoes.id, orders.id]);
    assert.deepEqual(await found('sho'), [shoes.id, orders.id]);
    assert.deepEqual(await found('blue sho'), [orders.id]);
    assert.deepEqual(await found('order WAY'), [], 'they are in two messages');
    assert.deepEqual(await found('blu shoes'), [], 'only the last one may be a beginning');
    assert.deepEqual(await found('order red'), []);
    assert.deepEqual(await found('hoes'), []);
    // What was just said is found, and brings its thread to the top.
    await untilClockTicks();
    await store.appendEvents(orders.id, [answer('Reordered on Wednesday')]);
    assert.deepEqual(await found('wednes'), [orders.id]);
    assert.deepEqual(await found('shoes'), [orders.id, shoes.id]);
    // Internal events are not messages.
    await store.appendEvents(orders.id, [newEvent('state.set.x', { content: 'secretive' })]);
    assert.deepEqual(await found('secretive'), []);
  });

  test('whatever is typed into the search finds nothing or something, and breaks nothing', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { id } = await threadOf(store, 'a', [question('hello AND world')]);
    for (const nothing of [
      '',
      ' ',
      '"',
      '***',
      '...?!',
      '\0',
      '()',
      "'; --",
      '-',
      '\ud800',
      '%',
      ':*',
    ]) {
      assert.deepEqual(await paged(store, { contactId: 'a', words: nothing }), [], nothing);
    }
    for (const words of [
      'hello" OR "x',
      'NEAR(hello world)',
      'NOT hello',
      'words:hello zzz',
      'hello & zzz',
      'hello <-> zzz',
      '"'.repeat(10_000),
      'x y '.repeat(2500),
      `${'\0'.repeat(9)}zzz`,
    ]) {
      assert.deepEqual(await paged(store, { contactId: 'a', words }), [], words.slice(0, 20));
    }
    for (const words of [
      '"hello" wor*',
      '(hello) "world',
      '\0hello\0',
      "hello'world",
      'hello:* | world',
    ]) {
      assert.deepEqual(await paged(store, { contactId: 'a', words }), [id], words);
    }
  });

  test('a search keeps to the other filters, and to its contact, whatever the contacts are called', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const ids = new Map<string, string>();
    for (const contactId of ['', 'a', 'A', 'a ', "a'"]) {
      ids.set(contactId, (await threadOf(store, contactId, [question('same words')])).id);
    }
    for (const [contactId, id] of ids) {
      assert.deepEqual(await paged(store, { contactId, words: 'same' }), [id]);
    }
    assert.equal((await paged(store, { words: 'same words' })).length, ids.size);
    assert.deepEqual(await paged(store, { contactId: 'nobody', words: 'same' }), []);
    assert.deepEqual(await paged(store, { contactId: 'a', words: 'same', waiting: true }), []);
    const byAge = { contactId: 'a', words: 'same', order: 'created' } as const;
    const [other, own] = [await threadOf(store, 'a', [question('same again')]), ids.get('a')];
    assert.deepEqual(await paged(store, byAge), [other.id, own]);
  });

  test('many messages are indexed piece by piece, and those of erased threads are found no more', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const many = Array.from({ length: 1200 }, (_, n) => question(`number ${n} of many`));
    const { id } = await threadOf(store, 'a', many);
    const kept = await threadOf(store, 'a', [question('many others')]);
    while (await store.indexMessages());
    assert.equal(await store.indexMessages(), false);
    assert.deepEqual(await paged(store, { contactId: 'a', words: 'number 1199' }), [id]);
    assert.deepEqual(await paged(store, { contactId: 'a', words: 'number 7 many' }), [id]);
    await store.deleteThreads({ threadId: id });
    assert.deepEqual(await paged(store, { contactId: 'a', words: 'many' }), [kept.id]);
    const again = await threadOf(store, 'a', [question('new')]);
    assert.deepEqual(await paged(store, { contactId: 'a', words: 'number' }), []);
    assert.deepEqual(await paged(store, { contactId: 'a', words: 'new' }), [again.id]);
  });

  test('threads with feedback are listed by its value', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const answers = [answer('1'), answer('2')];
    const thread = await threadOf(store, 'a', answers);
    const [one, two] = answers.map(({ id }) => id);
    const other = await threadOf(store, 'b', [answer('3')]);
    const lists = async (): Promise<readonly (readonly string[])[]> => [
      await paged(store, { feedback: 'up' }),
      await paged(store, { contactId: 'a', feedback: 'down' }),
    ];
    assert.deepEqual(await lists(), [[], []]);
    await store.setFeedback(thread.id, one ?? '', { value: 'down' });
    await store.setFeedback(thread.id, two ?? '', { value: 'up' });
    assert.deepEqual(await lists(), [[thread.id], [thread.id]]);
    await store.setFeedback(thread.id, two ?? '', { value: 'down' });
    assert.deepEqual(await lists(), [[], [thread.id]]);
    await store.setFeedback(thread.id, one ?? '', undefined);
    assert.deepEqual(await lists(), [[], [thread.id]]);
    await store.setFeedback(thread.id, two ?? '', undefined);
    assert.deepEqual(await lists(), [[], []]);
    // An event alone, which anybody may append, does not count.
    const event = newEvent(FEEDBACK_GIVEN, { message_id: one, value: 'up' });
    await store.appendEvents(other.id, [event]);
    assert.deepEqual(await lists(), [[], []]);
  });
});

async function threadOf(
  store: Store,
  contactId: string,
  events: readonly NewEvent[] = [],
): Promise<Thread> {
  await untilClockTicks();
  const { thread } = await store.openThread({ contactId });
  await store.appendEvents(thread.id, events);
  return thread;
}

/** The ids of a list, read in pages of two. */
async function paged(store: Store, query: Omit<ThreadQuery, 'limit'>): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let before: EventPosition | undefined; ;) {
    const page = await store.listThreads({ limit: 2, ...query, ...(before && { before }) });
    ids.push(...page.threads.map(({ id }) => id));
    const last = page.threads.at(-1);
    if (!page.more || !last) return ids;
    const createdAt = query.order === 'created' ? last.createdAt : last.lastEventAt;
    before = { createdAt, id: last.id };
  }
}

function shown(overview: ThreadOverview | undefined): readonly unknown[] {
  return [overview?.title, overview?.lastMessage?.role, overview?.lastMessage?.excerpt];
}

function idAt(threads: readonly Thread[], index: number): string {
  return threads[index]?.id ?? '';
}

function named(threads: readonly Thread[], order: readonly number[]): readonly string[] {
  return order.map((index) => idAt(threads, index));
}
