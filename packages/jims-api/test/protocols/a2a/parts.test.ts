import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Part } from '@a2a-js/sdk';

import { serveApp } from '../../support/listening-app.ts';
import { HOURS, PLAN, TEXT, TOOL_TITLE, sayInParts } from '../../support/parts-pipeline.ts';
import {
  BINDINGS,
  a2aClient,
  ask,
  collect,
  send,
  summaryOf,
  textsOf,
  withHeaders,
} from './a2a-client.ts';

/** What is in a part. */
function shortOf({ content, metadata, filename, mediaType }: Part): unknown {
  if (content?.$case === 'text') return content.value;
  if (content?.$case === 'data') return { ...content.value, as: metadata?.['type'] };
  return content?.$case === 'url' ? [content.value, filename, mediaType] : content?.$case;
}

for (const binding of BINDINGS) {
  describe(`what a message has beside text, by ${binding}`, () => {
    const source = { ...HOURS, as: 'source' };
    const fileAt = (origin: string): unknown => [
      `${origin}/api/v1/files/${PLAN.file_id}`,
      PLAN.name,
      PLAN.media_type,
    ];

    test('is parts of its artifact: sources as data, files by where they are', async () => {
      await using api = await serveApp(sayInParts);
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'keep');
      const artifacts = task.artifacts.map(({ parts }) => parts.map(shortOf));
      assert.deepEqual(artifacts, [[TEXT, source], [fileAt(api.origin)]]);
      const stored = await client.getTask({ tenant: '', id: task.id, historyLength: 0 });
      assert.deepEqual(stored.artifacts, task.artifacts);
    });

    test('is the last piece of its artifact in a stream, after the tool as a status', async () => {
      await using api = await serveApp(sayInParts);
      const client = await a2aClient(api.origin, { binding });
      const events = await collect(client.sendMessageStream(ask('hello')));
      assert.deepEqual(events.map(summaryOf), [
        'task TASK_STATE_SUBMITTED',
        `TASK_STATE_WORKING ${TOOL_TITLE} tool`,
        '=We are open ',
        '+from 9 to 17.',
        '+<data>.',
        '=<url>.',
        'TASK_STATE_COMPLETED',
      ]);
      const parts = events.flatMap(({ payload }) =>
        payload?.$case === 'artifactUpdate' ? (payload.value.artifact?.parts ?? []) : [],
      );
      assert.deepEqual(parts.slice(2).map(shortOf), [source, fileAt(api.origin)]);
    });

    test('an event of the app’s own is an artifact with data, for services alone', async () => {
      const order = { key: 'value', count: 42 };
      await using api = await serveApp((ctx) => {
        ctx.sendEvent('order.placed', order);
        ctx.sendMessage('Done');
      });
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'hello');
      const [placed] = task.artifacts;
      assert.equal(placed?.name, 'order.placed');
      assert.deepEqual(placed.parts.map(shortOf), [{ ...order, as: undefined }]);
      const stored = await client.getTask({ tenant: '', id: task.id, historyLength: 0 });
      assert.deepEqual(stored.artifacts, task.artifacts);
      const events = await collect(client.sendMessageStream(ask('hello')));
      assert.deepEqual(events.map(summaryOf).slice(1, -1), ['=<data>.', '=Done.']);
      const anna = withHeaders({ 'x-jims-contact-id': 'anna' });
      assert.deepEqual(textsOf(await send(client, 'hello', {}, anna)), ['Done']);
    });

    test('comes last of a message that was not streamed, with its buttons', async () => {
      await using api = await serveApp((ctx) => {
        const buttons = [{ text: 'A', id: 'a' }];
        const data = { role: 'assistant', content: 'Which?', buttons, sources: [HOURS] };
        ctx.sendEvent('comm.assistant_message_with_buttons', data);
      });
      const client = await a2aClient(api.origin, { binding });
      const events = await collect(client.sendMessageStream(ask('hello')));
      assert.deepEqual(events.map(summaryOf).slice(1, -1), ['=Which?', '+<data>.']);
      const metadata = events.flatMap(({ payload }) =>
        payload?.$case === 'artifactUpdate' ? [payload.value.artifact?.metadata] : [],
      );
      assert.deepEqual(metadata, [undefined, { buttons: [{ text: 'A', id: 'a' }] }]);
    });
  });
}
