import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as v from 'valibot';

import { askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';

const Bubbles = v.array(v.object({ text: v.optional(v.string()), html: v.optional(v.string()) }));

async function post(origin: string, path: string, message: object, props: object): Promise<string> {
  const response = await fetch(`${origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', ...message }], ...props }),
  });
  assert.equal(response.status, 200);
  return response.text();
}

/** What a click on a button of this label sends. */
function callbackIn(html: string | undefined, label: string): string {
  const found = new RegExp(`data-jims-callback="([^"]*)">${label}`).exec(html ?? '');
  return found?.[1] ?? '';
}

test('a question has buttons whose click names it, so that an old one answers nothing', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const say = async (message: object): Promise<v.InferOutput<typeof Bubbles>> => {
    const said: unknown = JSON.parse(
      await post(served.origin, '/deep-chat', message, { contact_id: 'c:1' }),
    );
    return v.parse(Bubbles, Array.isArray(said) ? said : [said]);
  };
  const first = await say({ text: 'refund' });
  assert.equal(first[0]?.text, 'Refund it?');
  const old = callbackIn(first[1]?.html, 'Yes, please');
  const custom = { jimsCallback: old };
  assert.deepEqual(await say({ text: 'Yes, please', custom }), [
    { text: 'comm.user_button_click yes: yes' },
  ]);

  const again = await say({ text: 'refund once more' });
  const question = callbackIn(again[1]?.html, 'No');
  assert.notEqual(question.slice(0, -'no'.length), old.slice(0, -'yes'.length));
  // It does not answer, but begins a conversation of its own, whose question replaces the other one.
  const third = await say({ text: old });
  assert.equal(third[0]?.text, 'Refund it?');
  assert.deepEqual(await say({ text: callbackIn(third[1]?.html, 'No') }), [
    { text: 'comm.user_button_click no: no' },
  ]);
});

test('text answers, too; steps with a title are statuses, and buttons name what they send', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const props = { contact_id: 'c:1' };
  const stream = await post(served.origin, '/deep-chat/stream', { text: 'refund' }, props);
  assert.match(stream, /event: status\ndata: {"status":"Looking up the order"}/);
  assert.doesNotMatch(stream, /secret/);
  const { callback } =
    /"text":"No","id":"no","callback":"(?<callback>[^"]*)"/.exec(stream)?.groups ?? {};
  assert.match(callback ?? '', /^btn:@[\w-]{36}:no$/);
  const answer = await post(served.origin, '/deep-chat/stream', { text: 'no' }, props);
  assert.match(answer, /comm\.user_message no: no/);
});

test('a stranger cannot answer, and the pipeline learns it', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const said = await post(served.origin, '/deep-chat', { text: 'refund' }, {});
  assert.match(said, /No way: unavailable/);
});
