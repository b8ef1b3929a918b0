import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { defineApp } from 'jims-core';
import type { JimsApp } from 'jims-core';
import type { SavedConversation, SavedTurn } from 'jims-core/saved-conversation';
import { replayConversation, scriptedModel } from 'jims-core/testing';

function shop(price = '9 euros'): JimsApp {
  return defineApp({
    durable: true,
    conversationStartPipeline: (ctx) => ctx.sendMessage('Welcome'),
    async pipeline(ctx) {
      ctx.updateAgentStatus('Looking');
      if (ctx.lastUserMessage === 'fail') throw new Error('broken');
      await ctx.sendMessage(ctx.llm.stream(ctx.context()));
      const reply = await ctx.ask(`Refund ${price}?`, { buttons: [{ id: 'yes', text: 'Yes' }] });
      if (reply.kind !== 'message') return ctx.sendMessage(reply.kind);
      const approved = await ctx.ask({ to: 'service', name: 'approve' });
      if (approved.kind === 'value') ctx.setState('refund', { by: approved.value });
      ctx.sendEvent('shop.refunded', { on: new Date().toISOString() });
      ctx.sendMessage('Done');
    },
  });
}

const FIRST: SavedTurn = {
  say: 'My money, please',
  models: ['Let me see.'],
  expect: {
    messages: ['Let me see.', 'Refund 9 euros?'],
    buttons: ['yes'],
    statuses: ['Looking'],
    events: [],
    state: {},
    question: 'Refund 9 euros?',
  },
};

const SAVED: SavedConversation = {
  jims: 'conversation',
  version: 1,
  title: 'A refund',
  contact_id: 'anna',
  thread_config: {},
  greeting: ['Welcome'],
  turns: [
    FIRST,
    { click: 'yes', models: [], expect: { messages: [], question: 'approve' } },
    {
      answer: 'approve',
      value: 'ada',
      models: [],
      expect: {
        messages: ['Done'],
        events: [{ event_type: 'shop.refunded', event_data: { on: 'DATE' } }],
        state: { refund: { by: 'ada' } },
        question: null,
      },
    },
    { say: 'fail', models: [], expect: { error: 'broken' } },
    {
      say: 'Again',
      models: ['Once more?'],
      expect: { messages: ['Once more?', 'Refund 9 euros?'] },
    },
    { expire: null, models: [], expect: { messages: ['expired'] } },
  ],
};

const clean = (text: string): string => text.replace(/^\d{4}-\d\d-\d\dT.*Z$/, 'DATE');

function withFirst(change: Partial<SavedTurn>): SavedConversation {
  return { ...SAVED, turns: [{ ...FIRST, ...change }] };
}

describe('a saved conversation', () => {
  test('is a test that passes while the app says what it said, from a file, too', async () => {
    await replayConversation(shop(), SAVED, { clean });
    await replayConversation(shop(), SAVED, { ignore: ['events'], everyRunTwice: false });
    const folder = mkdtempSync(join(tmpdir(), 'jims-saved-'));
    try {
      const path = join(folder, 'refund.conversation.json');
      writeFileSync(path, JSON.stringify(SAVED));
      await replayConversation(shop(), path, { clean });
      await replayConversation(shop(), pathToFileURL(path), { clean });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('fails with what is different', async () => {
    await assert.rejects(replayConversation(shop('8 euros'), SAVED, { clean }), {
      name: 'AssertionError',
      message: `The conversation 'A refund' came out differently in turn 1, {"say":"My money, please"} (- saved, + now):
  messages:
      Let me see.
    - Refund 9 euros?
    + Refund 8 euros?
  question:
    - Refund 9 euros?
    + Refund 8 euros?`,
    });
    const state = withFirst({ expect: { state: { cart: { size: 2 } } } });
    await assert.rejects(replayConversation(shop(), state), /state:\n\s+cart:\n\s+- \{"size":2\}$/);
    const shipped = defineApp({
      conversationStartPipeline: (ctx) => ctx.sendMessage('Welcome'),
      pipeline(ctx) {
        ctx.sendEvent('shop.sent', { order: '7', at: Date.now(), parts: [{ id: 1, kg: 2 }] });
      },
    });
    const event = (data: object): SavedConversation =>
      withFirst({
        models: [],
        expect: { events: [{ event_type: 'shop.sent', event_data: { ...data } }] },
      });
    await replayConversation(shipped, event({ order: '7', parts: [{ id: 1 }] }));
    await assert.rejects(replayConversation(shipped, event({ order: '8' })), /"order":"7"/);
    await assert.rejects(replayConversation(shipped, event({ by: 'air' })), /"by":"air"/);
    const greeted = { ...withFirst({}), greeting: ['Hello'] };
    await assert.rejects(
      replayConversation(shop(), greeted),
      /greeting:\n\s+- Hello\n\s+\+ Welcome/,
    );
    const failing = withFirst({ expect: { error: 'broken' } });
    await assert.rejects(
      replayConversation(shop(), failing),
      /expected to fail, and it said: Let me/,
    );
  });

  test('begins with a greeting of its own, whose question the first turn answers', async () => {
    const pizzeria = defineApp({
      durable: true,
      async conversationStartPipeline(ctx) {
        await ctx.sendMessage(ctx.llm.stream([{ role: 'user', content: 'Greet' }]));
        const reply = await ctx.ask('Which?', { buttons: [{ id: 'funghi', text: 'Mushrooms' }] });
        if (reply.kind === 'message') ctx.sendMessage(`One ${reply.buttonId}`);
      },
      pipeline: (ctx) => ctx.sendMessage('No start'),
    });
    const click: SavedTurn = {
      click: 'funghi',
      models: [],
      expect: { messages: ['One funghi'], question: null },
    };
    const opened = (text: string): SavedConversation => {
      const expect = { messages: [text, 'Which?'], buttons: ['funghi'], question: 'Which?' };
      const { greeting: _, ...saved } = SAVED;
      return { ...saved, turns: [{ open: true, models: ['Welcome'], expect }, click] };
    };
    await replayConversation(pizzeria, opened('Welcome'), { everyRunTwice: true });
    await assert.rejects(
      replayConversation(pizzeria, opened('Hello')),
      /in turn 1, \{"open":true\}.*- Hello\n\s+\+ Welcome/s,
    );
    // As an earlier version saved it.
    const older = { ...SAVED, greeting: ['Welcome', 'Which?'], turns: [click] };
    await replayConversation(pizzeria, older, { model: scriptedModel(['Welcome']) });
  });

  test('fails when its models are asked more often, or less often, unless another model answers', async () => {
    const less = withFirst({ models: ['Let me see.', 'More'] });
    await assert.rejects(
      replayConversation(shop(), less),
      /Turn 1 asked its models less often than before.*Not used:\n {2}2\. More/s,
    );
    const more = withFirst({ models: [] });
    await assert.rejects(replayConversation(shop(), more), /0 answers.*user: My money, please/s);
    const model = scriptedModel(['Let me see.']);
    await replayConversation(shop(), more, { model });
    model.done();
  });

  test('is refused when it is something else', async () => {
    const other: SavedConversation = JSON.parse('{"turns":[]}');
    await assert.rejects(replayConversation(shop(), other), /no `"jims": "conversation"`/);
    const newer: SavedConversation = JSON.parse('{"jims":"conversation","version":2}');
    await assert.rejects(replayConversation(shop(), newer), /has the form 2/);
  });
});
