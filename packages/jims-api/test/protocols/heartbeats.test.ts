// A sign of life that JavaScript can see, for those who ask for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createGate } from '../support/gate.ts';
import { serveApp } from '../support/listening-app.ts';

const WAYS = {
  '/api/v1/chat/stream': {
    body: { contact_id: 'c', message: 'Hi', include: ['heartbeat'] },
    beat: 'event: heartbeat\ndata: {}\n\n',
  },
  '/ai-sdk/chat': {
    body: {
      id: 'c',
      heartbeats: true,
      messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }],
    },
    beat: 'data: {"type":"data-heartbeat","data":null,"transient":true}\n\n',
  },
} as const;

for (const [path, { body, beat }] of Object.entries(WAYS)) {
  test(`a silent stream of ${path} sends the heartbeats that were asked for`, async () => {
    const gate = createGate();
    await using served = await serveApp(
      async (ctx) => {
        await gate.passed(ctx.signal);
        ctx.sendMessage('done');
      },
      { heartbeatMs: 20 },
    );
    const response = await fetch(served.origin + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    let text = '';
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += piece;
      if (text.split(beat).length > 2) gate.open();
    }
    assert.ok(text.includes('done'));
    assert.ok(!text.includes(': hb'));
  });
}
