import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { cleanText } from '../../src/text/clean-text.ts';
import { MAX_PIECE_CHARS, PieceReader, textPieces } from '../../src/text/text-pieces.ts';

/** Strings with everything that is odd in them: halves, NULs, clusters. */
const oddText = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 1 }),
    fc.constantFrom(
      '\ud83d',
      '\ude00',
      '\0',
      '\\',
      '\\u0000',
      '\\ud800',
      '"',
      '👩‍👩‍👧',
      'e\u0301',
      '\r\n',
    ),
  ),
});

describe('pieces of text', () => {
  test('are never too long, and give the text when they are joined', () => {
    fc.assert(
      fc.property(oddText, fc.nat(MAX_PIECE_CHARS), (text, at) => {
        const long = 'x'.repeat(at) + cleanText(text) + 'é😀'.repeat(MAX_PIECE_CHARS);
        const pieces = textPieces(long);
        assert.equal(pieces.join(''), long);
        assert.ok(pieces.every((piece) => piece.length <= MAX_PIECE_CHARS && piece !== ''));
        assert.ok(pieces.every((piece) => piece.isWellFormed()));
      }),
      { numRuns: 30 },
    );
  });

  for (const cluster of ['😀', '👩‍👩‍👧‍👦', '🇩🇪', 'e\u0301', '\r\n', '👍🏽', 'क्षि']) {
    test(`do not cut ${JSON.stringify(cluster)}, at any position`, () => {
      for (let at = 0; at < cluster.length; at += 1) {
        const text = `${'x'.repeat(MAX_PIECE_CHARS - at)}${cluster}y`;
        const [first = '', second = ''] = textPieces(text);
        assert.ok(first.endsWith(at === cluster.length ? cluster : 'x'), `cut after ${at}`);
        assert.ok(second.startsWith(cluster) || (at === 0 && first.endsWith('x')));
      }
    });
  }

  for (const cluster of ['🇩🇪', '👩‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣']) {
    test(`do not cut ${JSON.stringify(cluster)}, among very many`, () => {
      for (let at = 0; at < cluster.length; at += 1) {
        const text = 'x'.repeat(at) + cluster.repeat(MAX_PIECE_CHARS);
        const [first = '', ...others] = textPieces(text);
        assert.equal([first, ...others].join(''), text);
        const counts = [first.length - at, ...others.map((piece) => piece.length)];
        const cut = counts.filter((count) => count % cluster.length !== 0);
        assert.deepEqual(cut, [], `after ${at}`);
      }
    });
  }

  test('are cut from an endless cluster, too', () => {
    const text = `x${'\u0301'.repeat(3 * MAX_PIECE_CHARS)}`;
    const pieces = textPieces(text);
    assert.equal(pieces.join(''), text);
    assert.ok(pieces.every((piece) => piece.length <= MAX_PIECE_CHARS));
  });
});

test('a reader of pieces gives the clean text, however it was cut', () => {
  fc.assert(
    fc.property(fc.array(oddText), (cut) => {
      const reader = new PieceReader();
      const read = [...cut.flatMap((piece) => reader.read(piece)), ...reader.end()];
      assert.ok(read.every((piece) => piece !== '' && piece.isWellFormed()));
      assert.equal(read.join(''), cleanText(cut.join('')));
    }),
  );
});
