// A file that an app sends in the middle of its text, as each protocol's own client gets it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { MessagePart, ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { serveApp } from '../support/listening-app.ts';
import type { ServedApp } from '../support/listening-app.ts';
import { openAiClient } from '../support/openai-client.ts';
import { a2aClient, ask, collect } from './a2a/a2a-client.ts';
import { mcpClient } from './mcp/mcp-client.ts';

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

async function sendPicture(ctx: ThreadContext): Promise<void> {
  await ctx.sendMessage(
    (async function* (): AsyncGenerator<string | MessagePart> {
      yield 'Here it is: ';
      yield { type: 'file', name: 'pixel.png', mediaType: 'image/png', data: PIXEL };
      yield 'and that was all.';
    })(),
  );
}

const Bubble = v.object({ files: v.optional(v.array(v.object({ src: v.string() }))) });

/** Gets the answer, and gives the address of the file in it. */
type Client = (served: ServedApp) => Promise<string | undefined>;

const CLIENTS: Readonly<Record<string, Client>> = {
  async 'OpenAI chat'(served) {
    const { client } = openAiClient(served);
    const messages = [{ role: 'user', content: 'go' } as const];
    const stream = client.chat.completions.stream({ model: 'any', messages });
    return (await stream.finalMessage()).annotations?.[0]?.url_citation.url;
  },
  async Responses(served) {
    const stream = openAiClient(served).client.responses.stream({ model: 'any', input: 'go' });
    const [item] = (await stream.finalResponse()).output;
    const [part] = item?.type === 'message' ? item.content : [];
    const [link] = part?.type === 'output_text' ? part.annotations : [];
    return link?.type === 'url_citation' ? link.url : undefined;
  },
  async A2A({ origin }) {
    const client = await a2aClient(origin, { binding: 'JSONRPC' });
    const parts = (await collect(client.sendMessageStream(ask('go')))).flatMap(({ payload }) =>
      payload?.$case === 'artifactUpdate' ? (payload.value.artifact?.parts ?? []) : [],
    );
    const content = parts.at(-1)?.content;
    return content?.$case === 'url' ? content.value : undefined;
  },
  async MCP({ origin }) {
    await using mcp = await mcpClient(origin);
    const call = { name: 'chat', arguments: { message: 'go' } };
    const { content } = CallToolResultSchema.parse(await mcp.client.callTool(call));
    return content.find((item) => item.type === 'resource_link')?.uri;
  },
  async 'Deep Chat'({ origin }) {
    const response = await fetch(`${origin}/deep-chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ text: 'go' }], contact_id: 'c:1' }),
    });
    const data = (await response.text()).match(/(?<=^data: ).*$/gm) ?? [];
    const [file] = data.flatMap((json) => v.parse(Bubble, JSON.parse(json)).files ?? []);
    return file && new URL(file.src, origin).href;
  },
};

describe('a file that an app sends', () => {
  for (const [name, client] of Object.entries(CLIENTS)) {
    test(`is downloaded by its link in an answer of ${name}`, async () => {
      await using served = await serveApp(sendPicture);
      const link = await client(served);
      assert.ok(link !== undefined, 'there is no link');
      const response = await fetch(link);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'image/png');
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), PIXEL);
    });
  }
});
