// The durable app of the fault tests. Messages are those of app.ts; what its steps do is an effect of a
// service that counts, see lab/effects.ts.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type * as Core from 'jims-core';
import type { ThreadContext } from 'jims-core';

import { CHAIN_PARTS } from './lab/chain-parts.ts';

// Of the sources that are tried, which may be broken on purpose: its name leads to those that are whole.
const { defineApp }: typeof Core = await import(process.env['FAULTS_CORE'] ?? 'jims-core');

/**
 * `chain` has five steps, and asks the contact and a service between them; `bare` does the same without
 * idempotency keys. `steps N` has N steps of 30 ms, `stream N` streams N words, `held` has two
 * steps, the second of which may be held; `poison` ends its
 * process, by the service that it calls.
 */
export const app = defineApp({
  durable: true,
  async pipeline(ctx) {
    const executions = process.env['FAULTS_EXECUTIONS'];
    if (executions !== undefined) appendFileSync(executions, `${ctx.runId}\n`);
    const [id = '', canary = '', command = '', argument = ''] = (ctx.lastUserMessage ?? '').split(
      ' ',
    );
    const about = `${canary} re ${id}`;
    const run = { ctx, id, about };
    switch (command) {
      case 'chain':
        return chain(run, true);
      case 'bare':
        return chain(run, false);
      case 'steps':
        return steps(run, Number(argument));
      case 'stream':
        await ctx.sendMessage(words(Number(argument), ctx.signal));
        break;
      case 'held':
        await effect(run, 'first');
        await effect(run, 'held');
        break;
      case 'poison':
        await visit(id, 'poison');
        break;
    }
    ctx.sendMessage(`${about} ends`);
  },
});

interface Running {
  readonly ctx: ThreadContext;
  readonly id: string;
  readonly about: string;
}

async function chain(run: Running, hasKeys: boolean): Promise<void> {
  const { ctx, id, about } = run;
  const values: string[] = [];
  await visit(id, 'began');
  for (const each of CHAIN_PARTS) {
    if (each.startsWith('ask')) await visit(id, `${each}-next`);
    if (each === 'ask contact') {
      const answer = await ctx.ask(`${about} sure?`);
      values.push(answer.kind === 'message' ? answer.text : answer.kind);
    } else if (each === 'ask service') {
      const answer = await ctx.ask<string>({ to: 'service', name: 'approve', data: { id, about } });
      values.push(answer.kind === 'value' ? answer.value : answer.kind);
    } else {
      values.push(await effect(run, each, hasKeys));
    }
    if (each.startsWith('ask')) await visit(id, `${each}-done`);
  }
  await visit(id, 'ends');
  ctx.sendMessage(`${about} has ${values.join(', ')}`);
}

async function steps(run: Running, count: number): Promise<void> {
  const { ctx, about } = run;
  ctx.sendMessage(`${about} 1/2`);
  for (let n = 1; n <= count; n++) {
    await effect(run, `step-${n}`);
    await ctx.step('rest', ({ signal }) => sleep(30, undefined, { signal }));
  }
  ctx.sendMessage(`${about} 2/2`);
}

function effect({ ctx, id }: Running, name: string, hasKey = true): Promise<string> {
  return ctx.step(name, ({ idempotencyKey }) => visit(id, name, hasKey ? idempotencyKey : ''));
}

/** Calls the service that counts; with a key, or '' for none, it does something. */
async function visit(id: string, at: string, key = ''): Promise<string> {
  const url = `${process.env['FAULTS_EFFECTS'] ?? ''}/${id}/${encodeURIComponent(at)}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'x-pid': String(process.pid), ...(key !== '' && { 'idempotency-key': key }) },
  });
  return response.text();
}

async function* words(count: number, signal: AbortSignal): AsyncGenerator<string> {
  for (let i = 1; i <= count; i++) {
    yield `w${i} `;
    await sleep(10, undefined, { signal });
  }
}
