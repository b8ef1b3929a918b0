// Runs that send much, and what those who listen late get of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp, newEvent } from 'jims-core';
import type { JimsApp, NumberedRunEvent, Pipeline, Run } from 'jims-core';

import { describeStores } from '../support/stores.ts';

const PIECE = 'x'.repeat(1000);
const PIECES = 1000;
const MOST_CHARS = 10 * 1024;

describeStores(({ fresh }) => {
  test('what a joiner missed of a long text comes in pieces that are not long', async () => {
    await using database = await fresh();
    const sent = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    await using app = defineApp({
      store: database.url,
      async pipeline(ctx) {
        async function* pieces(): AsyncGenerator<string> {
          for (let count = 0; count < PIECES; count++) yield PIECE;
          sent.resolve();
          await gate.promise;
        }
        await ctx.sendMessage(pieces());
      },
    });
    const run = await say(app);
    await sent.promise;
    const fromTheBeginning = eventsAfter(run, 0);
    const fromSeven = eventsAfter(run, 7);
    gate.resolve();
    for (const [listening, missed] of [
      [fromTheBeginning, PIECES],
      [fromSeven, PIECES - 7],
    ] as const) {
      const deltas = (await listening).filter((event) => event.type === 'delta');
      const lengths = deltas.map(({ delta }) => delta.length);
      assert.equal(
        lengths.reduce((sum, length) => sum + length),
        missed * PIECE.length,
      );
      assert.ok(Math.max(...lengths) <= MOST_CHARS, `a piece of ${Math.max(...lengths)}`);
      assert.ok(deltas.length <= Math.ceil(missed / 10), `${deltas.length} pieces`);
      assert.equal(deltas.at(-1)?.seq, PIECES);
    }
  });

  test('all that read a run after its end read the same one, until its thread is deleted', async () => {
    await using database = await fresh();
    const pipeline: Pipeline = (ctx) => ctx.sendMessage('done');
    await using app = defineApp({ store: database.url, pipeline });
    const { id, thread, end } = await say(app);
    await end;
    await using other = defineApp({ store: database.url, pipeline });
    const [first, second] = [await other.runs.find(id), await other.runs.find(id)];
    assert.ok(first);
    assert.equal(first, second);
    await other.threads.delete({ threadId: thread.id });
    assert.equal(await other.runs.find(id), undefined);
  });
});

function say(app: JimsApp): Promise<Run> {
  return app.runs.start({
    thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
    incoming: newEvent('comm.user_message', { role: 'user', content: 'talk' }),
  });
}

function eventsAfter(run: Run, after: number): Promise<NumberedRunEvent[]> {
  return Array.fromAsync(run.listen({ after: { attempt: 1, seq: after } }));
}
