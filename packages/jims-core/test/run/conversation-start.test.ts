// The pipeline that opens a conversation: its events are stored before the question.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { defineApp } from '../../src/app/app.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { testUser } from '../../src/testing.ts';
import type { NewEvent } from '../../src/thread/event.ts';
import { eventsOf, latestOf, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

test('a conversation start that is executed again does not see the message that comes after it', async () => {
  const seen: unknown[] = [];
  const app = defineApp({
    durable: true,
    async conversationStartPipeline(ctx) {
      seen.push([ctx.history.length, ctx.lastUserMessage]);
      await ctx.step('look up', () => 1);
      ctx.sendMessage('Welcome');
    },
    pipeline: (ctx) => ctx.sendMessage(`You said ${ctx.lastUserMessage}`),
  });
  const user = testUser(app, { greet: true });
  const answer = await user.crashAndRecover(() => user.say('hi'), { after: 'look up' });
  assert.deepEqual(answer.messages, ['Welcome', 'You said hi']);
  assert.deepEqual(seen, [
    [0, undefined],
    [0, undefined],
  ]);
});

describeStores((kind) => {
  test('what work left behind sends late reaches the listeners, and is not stored', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    let sendLate = (_text: string): void => {};
    const appending: Store = {
      ...store,
      close: async () => {},
      appendInRun(owner, events) {
        const stored = store.appendInRun(owner, events);
        sendLate('while the events are stored');
        return stored;
      },
    };
    let outgoing: readonly unknown[] = [];
    await using app = defineApp({
      store: appending,
      conversationStartPipeline(ctx) {
        sendLate = (text) => ctx.sendMessage(text);
        ctx.sendMessage('Welcome');
      },
      pipeline(ctx) {
        sendLate('while the next pipeline runs');
        ctx.sendMessage('answer');
        outgoing = contents(ctx.outgoingEvents);
      },
    });
    const run = await app.runs.start({
      thread: latestOf(randomUUID()),
      incoming: question('asked'),
      conversationStart: true,
    });
    const end = await run.end;
    assert.equal(end.type, 'result');
    assert.deepEqual(contents(end.result.startEvents), ['Welcome']);
    assert.deepEqual(contents(end.result.events), ['answer']);
    assert.deepEqual(outgoing, ['answer']);
    const log = contents(await eventsOf(store, run.thread.id));
    assert.deepEqual(log.slice(1), ['Welcome', 'asked', 'answer']);
    const heard: NewEvent[] = [];
    for await (const each of run.listen()) if (each.type === 'event') heard.push(each.event);
    assert.deepEqual(contents(heard), [
      'Welcome',
      'while the events are stored',
      'while the next pipeline runs',
      'answer',
    ]);
  });
});

function contents(events: readonly Pick<NewEvent, 'data'>[]): readonly unknown[] {
  return events.map(({ data }) => data['content']);
}
