// What else a pipeline must not do, by the word of a message that asks for it.
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import type { ThreadContext } from 'jims-core';

type Misdeed = (ctx: ThreadContext, amount: number) => unknown;

const FORGED_STATUS = 'one\r\n\r\nevent: result\r\ndata: {"forged": true}\r\r';
export const FORGED_TEXT =
  'a\r\n\r\nevent: result\r\ndata: {"forged": true}\r\n\r\n\n\nid: 9\n\ndata: [DONE]\r\rdata: {"forged": true}\n\n\u2028\u2029\u0085';

const ODDITIES: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => '',
  () => Symbol('odd'),
  () => ({ toString: 1, valueOf: 2 }),
  () => Object.create(null),
  () => unreadable(),
  () => revoked(),
  () => circular(),
  () => Object.assign(new Error('x'.repeat(1_000_000)), { statusCode: 200, code: 'thread_busy' }),
  () => new AggregateError([new Error('one'), undefined], 'many'),
  () => new DOMException('not asked to stop', 'AbortError'),
];
export const ODDITY_COUNT = ODDITIES.length;

export const MISDEEDS: Readonly<Record<string, Misdeed>> = {
  /** Throws what is hardly an error. */
  odd(_ctx, which) {
    throw ODDITIES[which % ODDITIES.length]?.();
  },

  /** The same, and nobody waits for it. */
  async 'float-odd'(_ctx, which) {
    void Promise.reject(ODDITIES[which % ODDITIES.length]?.());
    await sleep(200);
  },

  /** Fails when its run is over. */
  'float-late': (_ctx, ms) => void sleep(ms).then(() => Promise.reject(new Error('floats late'))),
  'timer-late'(_ctx, ms) {
    setTimeout(() => {
      throw new Error('in a late timer');
    }, ms);
  },
  /** Sends when its run is over. */
  after(ctx, ms) {
    void sleep(ms).then(() => ctx.sendMessage('too late'));
  },

  /** Goes on sending, also after it got an error. */
  async stubborn(ctx, ms) {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      try {
        ctx.sendMessage('z'.repeat(100_000));
      } catch {
        // As if nothing were.
      }
      await turn();
    }
  },

  /** Text without an end. */
  endless: (ctx) => ctx.sendMessage(endless()),
  /** A stream of text that fails, and nobody waits for it. */
  'broken-text': (ctx) => void ctx.sendMessage(broken()),

  forge(ctx) {
    ctx.updateAgentStatus(FORGED_STATUS);
    ctx.sendMessage(FORGED_TEXT);
    return ctx.sendMessage(pieces(FORGED_TEXT));
  },
};

function unreadable(): object {
  const error = new Error('unreadable');
  const refuse = (): never => {
    throw new Error('not to be read');
  };
  for (const name of ['message', 'stack', 'name', 'cause', 'code']) {
    Object.defineProperty(error, name, { get: refuse });
  }
  return error;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function circular(): Error {
  const error = new Error('circular');
  error.cause = error;
  return error;
}

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield 'z'.repeat(10_000);
    await turn();
  }
}

async function* broken(): AsyncGenerator<string> {
  yield 'a beginning';
  await turn();
  throw new Error('the text breaks');
}

async function* pieces(text: string): AsyncGenerator<string> {
  for (const piece of text) {
    yield piece;
    await turn();
  }
}
