import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { sseParser } from '../src/sse-parser.ts';
import type { SseMessage } from '../src/sse-parser.ts';

function parsed(pieces: readonly string[]): readonly SseMessage[] {
  const parse = sseParser();
  return pieces.flatMap((piece) => parse(piece));
}

/** What the text of a stream means: the rules of the HTML standard, without `retry`. */
function byTheStandard(text: string): readonly SseMessage[] {
  const lines = text.split(/\r\n|\n|\r/);
  // What is not ended by a line end is not a line.
  lines.pop();
  const messages: SseMessage[] = [];
  let [data, event, id] = ['', '', ''];
  for (const line of lines) {
    if (line === '') {
      if (data !== '') messages.push({ id, event: event || 'message', data: data.slice(0, -1) });
      [data, event] = ['', ''];
      continue;
    }
    if (line.startsWith(':')) continue;
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === 'event') event = value;
    if (name === 'data') data += `${value}\n`;
    if (name === 'id' && !value.includes('\0')) id = value;
  }
  return messages;
}

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const line = fc.oneof(
  fc.constantFrom(
    '',
    '',
    ':',
    ': hb',
    'data',
    'data:',
    'data: ',
    'data:  x',
    'id',
    'id: 1.2',
    'id: a\0b',
  ),
  fc.constantFrom(
    'event: delta',
    'event:',
    'retry: 1500',
    'retry: 1x',
    'retry',
    'unknown: 1',
    '\uFEFFdata: x',
  ),
  fc.string().map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
);
const stream = fc
  .tuple(fc.array(fc.tuple(line, lineEnd)), line)
  .map(([lines, rest]) => lines.flat().join('') + rest);

describe('the parser of event streams', () => {
  test('it reads what the standard says, wherever the pieces end', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat()), (text, cuts) => {
        const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].toSorted(
          (a, b) => a - b,
        );
        const pieces = [0, ...at].map((from, index) => text.slice(from, at[index]));
        assert.deepEqual(parsed(pieces), byTheStandard(text));
      }),
      { numRuns: 2000 },
    );
  });
});
