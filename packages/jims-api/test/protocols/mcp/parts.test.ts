import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';
import { HOURS, PLAN, TEXT, TOOL_TITLE, sayInParts } from '../../support/parts-pipeline.ts';
import { mcpClient } from './mcp-client.ts';

const { url, title, excerpt } = HOURS;

async function resultOf(
  { origin }: ServedApp,
  onprogress: (progress: { message?: string | undefined }) => void = () => {},
): Promise<CallToolResult> {
  await using mcp = await mcpClient(origin);
  const call = { name: 'chat', arguments: { message: 'hello' } };
  return CallToolResultSchema.parse(await mcp.client.callTool(call, undefined, { onprogress }));
}

test('sources and files are links beside the text, the structured content has all of them', async () => {
  await using api = await serveApp(sayInParts);
  const words: unknown[] = [];
  const result = await resultOf(api, ({ message }) => words.push(message));
  assert.deepEqual(result.content, [
    { type: 'text', text: TEXT },
    { type: 'resource_link', uri: url, name: title, description: excerpt },
    {
      type: 'resource_link',
      uri: `${api.origin}/api/v1/files/${PLAN.file_id}`,
      name: PLAN.name,
      mimeType: PLAN.media_type,
      size: PLAN.size,
    },
  ]);
  const { events, assistant_messages: texts } = Object(result.structuredContent);
  assert.deepEqual(
    events.map((event: { event_data: object }) => event.event_data),
    [
      { role: 'assistant', content: TEXT, sources: [HOURS] },
      { role: 'assistant', content: '', files: [PLAN] },
    ],
  );
  assert.deepEqual(texts, [TEXT]);
  assert.ok(words.includes(TOOL_TITLE), 'the tool is not in the progress');
});

test('an address that is not a whole one is text: some clients would refuse the result', async () => {
  await using api = await serveApp((ctx) => {
    const sources = [{ url: 'docs/refund.md', title: 'Refunds' }, { url: 'faq.md' }];
    ctx.sendEvent('comm.assistant_message', { role: 'assistant', content: 'See', sources });
  });
  assert.deepEqual((await resultOf(api)).content, [
    { type: 'text', text: 'See' },
    { type: 'text', text: 'Refunds: docs/refund.md' },
    { type: 'text', text: 'faq.md' },
  ]);
});

test('for a client of a version without links they are text', async () => {
  await using api = await serveApp(sayInParts);
  const params = { name: 'chat', arguments: { message: 'hello' } };
  for (const version of ['2025-03-26', '2024-11-05', undefined]) {
    const response = await fetch(`${api.origin}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(version !== undefined && { 'mcp-protocol-version': version }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    });
    const { result } = Object(await response.json());
    assert.deepEqual(result.content, [
      { type: 'text', text: TEXT },
      { type: 'text', text: `${title}: ${url}\n${excerpt}` },
      { type: 'text', text: `${PLAN.name}: ${api.origin}/api/v1/files/${PLAN.file_id}` },
    ]);
  }
});
