import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import type { ChatMessage, Tool } from 'jims-core/llm';
import { z } from 'zod';

import { fakeModels } from '../../support/fake-models.ts';
import type { FakeModels } from '../../support/fake-models.ts';

const WEATHER: Tool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

describe('chatCompletionWithTools', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  test('gives the calls that the model wants, and a message that can be sent back', async () => {
    const llm = models.provider();
    const ask: ChatMessage = {
      role: 'user',
      content: '!tool get_weather {"city":"Oslo"}\n!tool get_weather {"city":"Rome"}',
    };
    const { message, toolCalls } = await llm.chatCompletionWithTools([ask], [WEATHER]);
    assert.equal(message.content, null);
    assert.deepEqual(message.tool_calls, toolCalls);
    assert.deepEqual(
      toolCalls.map(({ type, function: { name, arguments: json } }) => [type, name, json]),
      [
        ['function', 'get_weather', '{"city":"Oslo"}'],
        ['function', 'get_weather', '{"city":"Rome"}'],
      ],
    );
    assert.deepEqual(models.fake.requests[0]?.body.tools, [WEATHER]);

    const answers = toolCalls.map(({ id }): ChatMessage => ({
      role: 'tool',
      tool_call_id: id,
      content: 'sunny',
    }));
    const second = await llm.chatCompletionWithTools([ask, message, ...answers], [WEATHER]);
    assert.equal(second.message.content, 'tool said: sunny');
    assert.deepEqual(second.toolCalls, []);
    assert.deepEqual(models.fake.requests[1]?.body.messages.slice(1), [message, ...answers]);
  });

  test('messages stored as context events go into the next call unchanged', async () => {
    const llm = models.provider();
    const call = { id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{}' } };
    await llm.chatCompletionWithTools(
      [
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: '', tool_calls: [call] },
        { role: 'tool', content: 'rain', tool_call_id: 'c1', extra: true },
      ],
      [WEATHER],
    );
    assert.deepEqual(models.fake.requests[0]?.body.messages.slice(1), [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: 'rain', tool_call_id: 'c1' },
    ]);
  });

  test('arguments that are not JSON are given as the model wrote them', async () => {
    const llm = models.provider();
    models.fake.reply({ toolCalls: [{ name: 'get_weather', arguments: '{"city": Oslo' }] });
    const { toolCalls } = await llm.chatCompletionWithTools(
      [{ role: 'user', content: 'x' }],
      [WEATHER],
    );
    assert.equal(toolCalls[0]?.function.arguments, '{"city": Oslo');
  });

  test('parameters may be a schema, and a tool call can be demanded', async () => {
    const llm = models.provider();
    const parameters = z.object({ days: z.int() });
    const tool: Tool = { type: 'function', function: { name: 'forecast', parameters } };
    const { toolCalls } = await llm.chatCompletionWithTools(
      [{ role: 'user', content: 'x' }],
      [WEATHER, tool],
      { toolChoice: { name: 'forecast' } },
    );
    assert.equal(toolCalls[0]?.function.name, 'forecast');
    const { body } = models.fake.requests[0] ?? {};
    assert.equal(body.tools[1].function.parameters.properties.days.type, 'integer');
    assert.deepEqual(body.tool_choice, { type: 'function', function: { name: 'forecast' } });
  });

  test("calls that are not in OpenAI's form are refused before anything is sent", async () => {
    const llm = models.provider();
    const broken = { role: 'assistant', content: '', tool_calls: [{ id: 1 }] };
    await assert.rejects(llm.chatCompletionWithTools([broken], [WEATHER]), {
      code: 'llm_input_invalid',
    });
    assert.equal(models.fake.requests.length, 0);
  });

  test('429 is tried again', async () => {
    const llm = models.provider();
    models.fake.fail({ status: 429, retryAfterMs: 1 });
    await llm.chatCompletionWithTools([{ role: 'user', content: 'x' }], [WEATHER]);
    assert.equal(models.fake.requests.length, 2);
  });
});
