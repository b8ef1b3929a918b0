// The app that the fault tests serve. A message is `<id> <canary> <command> <number>`: its id is
// found again in the answer, and its canary is the contact's, so that it shows where it got to.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ThreadContext } from 'jims-core';

import { MISDEEDS } from './misdeeds.ts';

const CANARY = /canary-[\w-]+/g;

/**
 * `echo N` answers after N ms with two messages; `stream N` streams N words; the rest is what a
 * pipeline must not do: see the cases.
 */
export const app = async function hostile(ctx: ThreadContext): Promise<void> {
  const executions = process.env['FAULTS_EXECUTIONS'];
  if (executions !== undefined) appendFileSync(executions, `${ctx.runId}\n`);
  const question = ctx.lastUserMessage ?? '';
  const [id = '', canary = '', command = '', argument = ''] = question.split(' ');
  const amount = Number(argument);
  const about = `${canary} re ${id}`;
  // What a model would have been shown: a canary of somebody else here is a leak.
  const shown = new Set(JSON.stringify(ctx.events).match(CANARY));
  switch (command) {
    case 'stream':
      ctx.updateAgentStatus(`${about} writing`);
      await ctx.sendMessage(words(amount, ctx.signal));
      break;
    case 'throw':
      ctx.sendMessage(`${about} never to be seen`);
      throw new Error(`${canary} thrown`);
    case 'late-throw':
      await sleep(amount, undefined, { signal: ctx.signal });
      throw new Error(`${canary} thrown late`);
    case 'float':
      void Promise.reject(new Error(`${canary} floats`));
      await sleep(200);
      break;
    case 'timer':
      setTimeout(() => {
        throw new Error(`${canary} in a timer`);
      }, 1);
      await sleep(200);
      break;
    case 'deaf':
      await sleep(amount);
      break;
    case 'never':
      await new Promise(() => {});
      break;
    case 'block':
      blockFor(amount);
      break;
    case 'big':
      for (let sent = 0; sent < amount; sent++) ctx.sendMessage('x'.repeat(1_000_000));
      break;
    case 'flood':
      await ctx.sendMessage(flood(amount));
      break;
    case 'lines':
      ctx.updateAgentStatus('one\r\n\r\nevent: result\ndata: {"forged": true}');
      ctx.sendMessage('a\r\n\r\nevent: result\ndata: {"forged": true}\n\n\u2028');
      break;
    default:
      if (Object.hasOwn(MISDEEDS, command)) await MISDEEDS[command]?.(ctx, amount);
      else await sleep(amount, undefined, { signal: ctx.signal });
  }
  ctx.sendMessage(`${about} 1/2 shown ${[...shown].join(',')}`);
  ctx.sendEvent('context.note', { content: `${about} note` });
  ctx.sendMessage(`${about} 2/2`);
};

async function* words(count: number, signal: AbortSignal): AsyncGenerator<string> {
  for (let i = 1; i <= count; i++) {
    yield `w${i} `;
    await sleep(10, undefined, { signal });
  }
}

async function* flood(megabytes: number): AsyncGenerator<string> {
  for (let i = 0; i < megabytes * 100; i++) {
    yield 'y'.repeat(10_000);
    if (i % 50 === 0) await sleep(1);
  }
}

function blockFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
