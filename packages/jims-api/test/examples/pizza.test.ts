import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { newEvent } from 'jims-core';

import { app } from '../../../../examples/pizza/app.ts';
import { runPipeline } from '../../../jims-core/test/support/run-pipeline.ts';
import { folderWith, serveCommand } from '../support/command.ts';
import { chat } from '../support/served-app.ts';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/pizza/app.ts', import.meta.url));

describe('examples/pizza', () => {
  test('it asks until it knows the pizza, and remembers the last order', async () => {
    const click = newEvent('comm.user_button_click', { role: 'user', content: 'large' });
    const messages = ['Hello', click, 'Pineapple', 'Ham', 'Hello'];
    const [hello, size, topping, done, again] = await runPipeline(app.pipeline, messages);
    assert.deepEqual(hello?.messages, ['What size shall your pizza be?']);
    assert.deepEqual(hello.sent[0]?.data['buttons'], [
      { id: 'small', text: 'small' },
      { id: 'large', text: 'large' },
    ]);
    assert.deepEqual(size?.messages, ['A large one. What shall be on it?']);
    assert.deepEqual(topping?.messages, ['I do not have pineapple. What about one of these?']);
    assert.deepEqual(done?.messages, ['Your large pizza with ham is ready in 15 minutes.']);
    assert.deepEqual(done.state, { order: { size: 'large', topping: 'ham' } });
    assert.deepEqual(again?.messages, ['Another one after the large one with ham? What size?']);
  });

  test('an order goes on in a process that did not hear its beginning', async () => {
    using folder = folderWith({});
    const args = ['--app', `${EXAMPLE}:app`, '--db', `sqlite:///${join(folder.path, 'jims.db')}`];
    const order: unknown[] = [];
    for (const message of ['Hello', 'small', 'olives']) {
      const service = await serveCommand(args, { cwd: folder.path });
      const { body } = await chat(service.url, message);
      order.push(lastSaid(body));
      service.kill('SIGKILL');
      await service.ended;
    }
    assert.deepEqual(order, [
      'What size shall your pizza be?',
      'A small one. What shall be on it?',
      'Your small pizza with olives is ready in 10 minutes.',
    ]);
  });
});

/** What the pipeline said last, which is not among the `assistant_messages` when it has buttons. */
function lastSaid({ events }: Readonly<Record<string, unknown>>): unknown {
  return Array.isArray(events) ? events.at(-1)?.event_data.content : undefined;
}
