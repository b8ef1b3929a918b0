import assert from 'node:assert/strict';
import { test } from 'node:test';

import { saveConversation } from 'jims-core/saved-conversation';
import type { RecordedEvent, RecordedRun } from 'jims-core/saved-conversation';

type Entry = RecordedRun['entries'][number];

function run(id: string, entries: readonly Entry[], more: Partial<RecordedRun> = {}): RecordedRun {
  return {
    run_id: id,
    chain_id: id,
    status: 'completed',
    kept: true,
    entries,
    error: null,
    ...more,
  };
}

function event(id: string, run_id: string, type: string, data: object): RecordedEvent {
  return { event_id: id, run_id, event_type: type, event_data: { ...data } };
}

const said = (id: string, content: string): RecordedEvent =>
  event(id, id, 'comm.user_message', { role: 'user', content });
const answered = (run_id: string, content: string, more: object = {}): RecordedEvent =>
  event(`${run_id}-${content}`, run_id, 'comm.assistant_message', {
    role: 'assistant',
    content,
    ...more,
  });
const model = (answer: Entry['answer'], more: Partial<Entry> = {}): Entry => ({
  kind: 'model',
  operation: 'run',
  answer: answer ?? null,
  ...more,
});

test('a conversation is saved from events and traces: turns, what came of them, and answers of models', () => {
  const calls = [{ name: 'find', input: { id: '7' } }];
  const embedding = model({ text: '', vectors: { count: 1 } }, { operation: 'createEmbedding' });
  const saved = saveConversation({
    thread: { contact_id: 'anna', thread_config: { plan: 'gold' }, title: 'A refund' },
    events: [
      event('0', '1', 'jims.lifecycle.thread_created', {}),
      event('s', '1', 'comm.assistant_message', { role: 'assistant', content: 'Welcome' }),
      said('1', 'Hello'),
      event('a', '1', 'state.set.cart', { size: 1 }),
      event('b', '1', 'shop.seen', {
        at: 'noon',
        usage: [{ model: 'm', requests: 1, promptTokens: 9 }],
      }),
      answered('1', 'Refund?', { buttons: [{ id: 'yes', text: 'Yes' }, { text: 'No' }] }),
      event('2', '2', 'comm.user_button_click', { role: 'user', content: 'yes' }),
      answered('2', 'One moment'),
      event('3', '3', 'jims.question_answered', { name: 'approve', value: { ok: true } }),
      answered('3', 'Done'),
      said('4', 'fail'),
      said('5', 'stop'),
      event('6', '6', 'jims.question_expired', {}),
      said('7', 'running'),
      event('8', '8', 'shop.paid', { order: '7' }),
      event('x', '8', 'shop.paid', { order: '7' }),
    ],
    runs: [
      run('1', [
        { kind: 'status', message: 'Looking' },
        embedding,
        model({ text: '', tool_calls: calls, finish_reason: 'tool_calls' }),
        model({ text: 'Refund?', reasoning: 'Hm', finish_reason: 'stop' }),
        { kind: 'question', text: 'Refund?' },
      ]),
      // Its process died: what was answered before is replayed, in this run and of the one before.
      run(
        '2',
        [
          model({ text: '', tool_calls: calls }, { replayed: true }),
          model({ text: 'Refund?' }, { replayed: true }),
          model({ text: 'One moment', finish_reason: 'length' }, { replayed: true }),
          model(null, { error: 'down' }),
          { kind: 'question', name: 'approve' },
        ],
        { chain_id: '1' },
      ),
      run('3', [], { chain_id: '1', kept: false }),
      run('4', [], { status: 'failed', error: { message: 'broken' } }),
      run('5', [], { status: 'cancelled' }),
      run('6', []),
      run('7', [], { status: 'running' }),
      run('8', []),
    ],
  });
  const state = { cart: { size: 1 } };
  assert.deepEqual(saved, {
    jims: 'conversation',
    version: 1,
    title: 'A refund',
    contact_id: 'anna',
    thread_config: { plan: 'gold' },
    greeting: ['Welcome'],
    turns: [
      {
        say: 'Hello',
        models: [{ calls }, { text: 'Refund?', reasoning: 'Hm' }],
        expect: {
          messages: ['Refund?'],
          buttons: ['yes', 'No'],
          statuses: ['Looking'],
          events: [{ event_type: 'shop.seen', event_data: { at: 'noon' } }],
          state,
          question: 'Refund?',
        },
      },
      {
        click: 'yes',
        models: [{ text: 'One moment', finishReason: 'length' }, { error: 'down' }],
        expect: {
          messages: ['One moment'],
          statuses: [],
          events: [],
          state,
          question: 'approve',
        },
      },
      {
        answer: 'approve',
        value: { ok: true },
        expect: { messages: ['Done'], events: [], state, question: null },
      },
      { say: 'fail', models: [], expect: { error: 'broken' } },
      { say: 'stop', models: [], expect: {} },
      {
        expire: null,
        models: [],
        expect: { messages: [], statuses: [], events: [], state, question: null },
      },
      {
        send: { event_type: 'shop.paid', event_data: { order: '7' } },
        models: [],
        expect: {
          messages: [],
          statuses: [],
          events: [{ event_type: 'shop.paid', event_data: { order: '7' } }],
          state,
          question: null,
        },
      },
    ],
  });
});

test('a greeting in a run of its own is the first turn', () => {
  const saved = saveConversation({
    thread: { contact_id: 'anna' },
    events: [
      event('1', '1', 'jims.conversation_started', {}),
      answered('1', 'Which?', { buttons: [{ id: 'funghi', text: 'Mushrooms' }] }),
      event('2', '2', 'comm.user_button_click', { role: 'user', content: 'funghi' }),
    ],
    runs: [
      run('2', [], { kept: false, chain_id: '1' }),
      run('1', [model({ text: 'Which?' }), { kind: 'question', text: 'Which?' }]),
    ],
  });
  assert.equal(saved.greeting, undefined);
  assert.deepEqual(saved.turns, [
    {
      open: true,
      models: ['Which?'],
      expect: {
        messages: ['Which?'],
        buttons: ['funghi'],
        statuses: [],
        events: [],
        state: {},
        question: 'Which?',
      },
    },
    { click: 'funghi', expect: { messages: [], events: [], state: {}, question: null } },
  ]);
});
