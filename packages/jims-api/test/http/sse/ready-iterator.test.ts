import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Expansion } from '../../../src/http/sse/ready-iterator.ts';
import type { ReadyIterable, ReadyIterator } from '../../../src/http/sse/ready-iterator.ts';

/** Has these items now, and `later` when it is waited for. */
function source(now: readonly string[], later: readonly string[] = []): ReadyIterable<string> {
  const ready = [...now];
  const rest = [...later];
  const iterator: ReadyIterator<string> = {
    takeReady: () => ready.shift(),
    async next() {
      const value = ready.shift() ?? rest.shift();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

async function* plain(...items: readonly string[]): AsyncGenerator<string, void, void> {
  yield* items;
}

function letters(word: string): string[] {
  return word.split('');
}

test('what is there is taken in order, without a promise', () => {
  const items = new Expansion(source(['ab', '', 'c'], ['d']), letters, { first: ['1', '2'] });
  const taken = Array.from({ length: 6 }, () => items.takeReady());
  assert.deepEqual(taken, ['1', '2', 'a', 'b', 'c', undefined]);
});

test('what is not there yet is waited for', async () => {
  const items = new Expansion(source(['ab'], ['', 'c']), letters);
  assert.equal(items.takeReady(), 'a');
  assert.deepEqual(await Array.fromAsync(items), ['b', 'c']);
  assert.equal(items.takeReady(), undefined);
});

test('the method `take` of an iterator, which some runtimes have for another reason, is not called', async () => {
  const take = (): never => assert.fail('it was called');
  const items = new Expansion(Object.assign(plain('ab', 'c'), { take }), letters);
  assert.equal(items.takeReady(), undefined);
  assert.deepEqual(await Array.fromAsync(items), ['a', 'b', 'c']);
});

test('an async generator is a source, too: all of it is waited for', async () => {
  const items = new Expansion(plain('ab', 'c'), letters);
  assert.equal(items.takeReady(), undefined);
  assert.deepEqual(await Array.fromAsync(items), ['a', 'b', 'c']);
});

test('nothing comes after the last item, and the source is let go', async () => {
  let isReturned = false;
  async function* words(): AsyncGenerator<string, void, void> {
    try {
      yield 'abc';
      yield 'd';
    } finally {
      isReturned = true;
    }
  }
  const items = new Expansion(words(), letters, { isLast: (letter) => letter === 'b' });
  assert.deepEqual(await Array.fromAsync(items), ['a', 'b']);
  assert.ok(isReturned);
});

test('items are made when they are taken', () => {
  let made = 0;
  function* numbers(): Generator<number> {
    while (made < 100) yield ++made;
  }
  const items = new Expansion(source(['x']), numbers);
  items.takeReady();
  items.takeReady();
  assert.equal(made, 2);
});

test('nothing is taken from an iterator that was returned', async () => {
  const items = new Expansion(source(['ab'], ['c']), letters);
  assert.equal(items.takeReady(), 'a');
  await items.return();
  assert.equal(items.takeReady(), undefined);
  assert.deepEqual(await items.next(), { done: true, value: undefined });
});
