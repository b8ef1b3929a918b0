// A model with tools that asks before it acts, as the AI SDK's hook and AG-UI's client have it on a page.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { build } from 'esbuild';
import { defineApp } from 'jims-core';
import type { JimsApp } from 'jims-core';
import type { RunTool } from 'jims-core/llm';
import { scriptedModel } from 'jims-core/testing';
import type { Page } from 'playwright-core';
import * as v from 'valibot';

import { servePage } from '../../../../examples/page-server.ts';
import { openPage } from '../support/browser.ts';

const PHOTO = { name: 'broken.txt', mimeType: 'text/plain', buffer: Buffer.from('a photo') };

/** Looks the order up, asks whether to refund it, and sends a receipt. */
function refunding(): JimsApp {
  const schema = v.object({ order: v.string() });
  const find: RunTool<v.InferOutput<typeof schema>> = {
    description: 'Finds an order',
    schema,
    title: 'Looking up the order',
    execute: ({ order }, { source }) => {
      source({ url: `https://shop.example/orders/${order}`, title: `Order ${order}` });
      return { price: 12 };
    },
  };
  const refund: RunTool<v.InferOutput<typeof schema>> = {
    description: 'Refunds an order',
    schema,
    title: 'Refunding the order',
    approvalText: ({ order }) => `Refund order ${order}?`,
    needsApproval: true,
    execute: () => 'refunded',
  };
  const input = { order: '7' };
  const model = scriptedModel([
    { reasoning: 'I must find it.', calls: [{ name: 'find', input }] },
    { text: 'It is yours.', calls: [{ name: 'refund', input }] },
    'Done.',
  ]);
  const data = new TextEncoder().encode('12 refunded');
  const files = [{ name: 'receipt.txt', mediaType: 'text/plain', data }];
  return defineApp({
    store: 'sqlite::memory:',
    llm: { model },
    async pipeline(ctx) {
      await ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find, refund } }));
      await ctx.sendMessage('Your receipt:', { files });
    },
  });
}

const USE_CHAT = `
import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai';
import { createRoot } from 'react-dom/client';

const transport = new DefaultChatTransport({ api: '/ai-sdk/chat' });

function words(part) {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return part.text;
    case 'source-url':
      return part.title;
    case 'file':
      return part.filename ?? part.providerMetadata.jims.filename;
    case 'dynamic-tool':
      return part.title + ' ' + part.state;
  }
}

function Page() {
  const { messages, sendMessage, addToolApprovalResponse } = useChat({
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const parts = messages.flatMap(({ role, parts }) => parts.map((part) => ({ role, part })));
  return (
    <>
      <input
        type="file"
        onChange={({ target }) => sendMessage({ text: 'Refund 7', files: target.files })}
      />
      {parts.map(({ role, part }, index) =>
        words(part) && <p key={index}>{role + ' ' + part.type + ': ' + words(part)}</p>,
      )}
      {parts.map(({ part }, index) =>
        part.state === 'approval-requested' && (
          <button
            key={index}
            onClick={() => addToolApprovalResponse({ id: part.approval.id, approved: true })}
          >
            Approve
          </button>
        ),
      )}
    </>
  );
}
createRoot(document.getElementById('root')).render(<Page />);
`;

const AG_UI = `
import { HttpAgent } from '@ag-ui/client';

const agent = new HttpAgent({ url: '/ag-ui', threadId: 'th-1' });
const events = [];

function words({ role, content, toolCalls = [] }) {
  const text = typeof content === 'string' ? content : content?.[0].text;
  const calls = toolCalls.map(({ function: { name, arguments: json } }) => name + ' ' + json);
  return role + ': ' + [text, ...calls].filter(Boolean).join(', ');
}

function draw() {
  const lines = [...agent.messages.map(words), ...events];
  const open = agent.pendingInterrupts.map(({ id }) => '<button id="' + id + '">Approve</button>');
  document.querySelector('#root').innerHTML = lines.map((line) => '<p>' + line + '</p>').join('') + open.join('');
}

agent.subscribe({
  onCustomEvent({ event: { name, value } }) {
    if (name.startsWith('jims.')) events.push(name + ': ' + (value.title ?? value.name));
  },
});

document.querySelector('input').addEventListener('change', async ({ target }) => {
  const [file] = target.files;
  const value = btoa(await file.text());
  const source = { type: 'data', value, mimeType: file.type };
  const content = [
    { type: 'text', text: 'Refund 7' },
    { type: 'document', source, metadata: { filename: file.name } },
  ];
  agent.addMessage({ id: 'u1', role: 'user', content });
  await agent.runAgent();
  draw();
});
document.addEventListener('click', async ({ target: { id } }) => {
  await agent.runAgent({
    resume: [{ interruptId: id, status: 'resolved', payload: { approved: true } }],
  });
  draw();
});
`;

test('useChat shows reasoning, tools, sources and files, and an approval goes on in the message', async () => {
  await using served = await serveScript(USE_CHAT);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await page.locator('input').setInputFiles(PHOTO);
  await page.getByRole('button', { name: 'Approve' }).waitFor();
  const shown = [
    'user file: broken.txt',
    'user text: Refund 7',
    'assistant reasoning: I must find it.',
    'assistant dynamic-tool: Looking up the order output-available',
    'assistant text: It is yours.',
    'assistant source-url: Order 7',
    'assistant text: Refund order 7?',
  ];
  assert.deepEqual(await linesOf(page), [
    ...shown,
    'assistant dynamic-tool: Refund order 7? approval-requested',
  ]);
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Your receipt:').waitFor();
  assert.deepEqual(await linesOf(page), [
    ...shown,
    'assistant dynamic-tool: Refund order 7? output-available',
    'assistant dynamic-tool: Refunding the order output-available',
    'assistant text: Done.',
    'assistant text: Your receipt:',
    'assistant file: receipt.txt',
  ]);
  assert.deepEqual(browser.errors, []);
});

test('AG-UI’s client shows reasoning, tools, sources and files, and resumes with an approval', async () => {
  await using served = await serveScript(AG_UI);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await page.locator('input').setInputFiles(PHOTO);
  const approve = page.getByRole('button', { name: 'Approve' });
  await approve.waitFor();
  const shown = [
    'user: Refund 7',
    'reasoning: I must find it.',
    'assistant: find {"order":"7"}',
    'tool: {"price":12}',
    'assistant: It is yours.',
    'assistant: Refund order 7?, question {"question":"Refund order 7?"}',
  ];
  assert.deepEqual(await linesOf(page), [...shown, 'jims.source: Order 7']);
  await approve.click();
  await page.getByText('Your receipt:').waitFor();
  assert.deepEqual(await linesOf(page), [
    ...shown,
    'tool: yes',
    'assistant: refund {"order":"7"}',
    'tool: refunded',
    'assistant: Done.',
    'assistant: Your receipt:',
    'jims.source: Order 7',
    'jims.file: receipt.txt',
  ]);
  assert.equal(await approve.count(), 0);
  assert.deepEqual(browser.errors, []);
});

/** A page of the app that runs one script. */
async function serveScript(contents: string): ReturnType<typeof servePage> {
  const { outputFiles } = await build({
    stdin: { contents, loader: 'tsx', resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const body =
    '<!doctype html><link rel="icon" href="data:," /><div id="root"><input type="file" /></div>' +
    '<script type="module" src="/main.js"></script>';
  const script = { type: 'text/javascript', body: outputFiles[0]?.text ?? '' } as const;
  return servePage(refunding(), { '/': { type: 'text/html', body }, '/main.js': script }, 0);
}

async function linesOf(page: Page): Promise<string[]> {
  return page.locator('p').allInnerTexts();
}
