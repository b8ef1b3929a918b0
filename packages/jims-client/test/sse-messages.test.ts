import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { sseMessages } from '../src/sse-messages.ts';
import type { SseMessage } from '../src/sse-messages.ts';

async function parsed(pieces: readonly string[]): Promise<readonly SseMessage[]> {
  const messages: SseMessage[] = [];
  for await (const together of sseMessages(pieces)) messages.push(...together);
  return messages;
}

/** What the text of a stream means: the rules of the HTML standard for what the service sends. */
function byTheStandard(text: string): readonly SseMessage[] {
  const messages: SseMessage[] = [];
  let id = '';
  // What no empty line ends is not an event.
  for (const frame of text.split(/(?<=^|\n)\n/).slice(0, -1)) {
    const valuesOf = (name: string): string[] =>
      frame
        .split('\n')
        .filter((line) => line.startsWith(`${name}:`))
        .map((line) => line.slice(name.length + 1).replace(/^ /, ''));
    id = valuesOf('id').at(-1) ?? id;
    const data = valuesOf('data');
    const event = valuesOf('event').at(-1) ?? 'message';
    if (data.length > 0) messages.push({ id, event, data: data.join('\n') });
  }
  return messages;
}

const line = fc.oneof(
  fc.constantFrom('', '', ': hb', 'data: {}', 'data:{}', 'id: 1.2', 'id: a', 'event: delta'),
  // JSON may have characters that end a line for others.
  fc.constantFrom('data: "a\u2028b\u2029c"', 'data: a\rb'),
  fc.constantFrom('retry: 1500', 'unknown: 1', 'no field', 'data', '\uFEFFdata: x'),
  fc.string().map((text) => `event: message\ndata: ${text.replaceAll('\n', '')}\n`),
);
const stream = fc
  .tuple(fc.array(line), line)
  .chain(([lines, rest]) =>
    fc.constantFrom('\n', '\r\n').map((end) => lines.map((each) => each + end).join('') + rest),
  );

describe('the parser of event streams', () => {
  test('it reads what the standard says, wherever the pieces end', async () => {
    await fc.assert(
      fc.asyncProperty(stream, fc.array(fc.nat()), async (text, cuts) => {
        const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].toSorted(
          (a, b) => a - b,
        );
        const pieces = [0, ...at].map((from, index) => text.slice(from, at[index]));
        assert.deepEqual(await parsed(pieces), byTheStandard(text.replaceAll('\r\n', '\n')));
      }),
      { numRuns: 1000 },
    );
  });
});
