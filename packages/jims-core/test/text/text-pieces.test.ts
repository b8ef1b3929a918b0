import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { cleanJson, cleanText } from '../../src/text/clean-text.ts';
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

describe('clean text', () => {
  test('has no half characters and no NULs, and is otherwise what it was', () => {
    assert.equal(cleanText('a\ud83d\ude00b\ud83dc\ude00\0'), 'a😀b\ufffdc\ufffd\ufffd');
  });

  test('as JSON is what JSON.stringify makes of clean strings, names and all', () => {
    fc.assert(
      fc.property(oddText, oddText, (name, text) => {
        fc.pre(name !== '__proto__');
        const cleaned = JSON.stringify({ [cleanText(name)]: [cleanText(text), 1] });
        assert.equal(cleanJson({ [name]: [text, 1] }), cleaned);
      }),
    );
  });

  test('leaves alone what only looks like an escape', () => {
    const text = String.raw`\u0000 \\u0000 \ud83d \\ud83d`;
    assert.equal(JSON.parse(cleanJson(text)), text);
  });
});

describe('pieces of text', () => {
  test('are none too long, and the text when put together', () => {
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
    test(`do not cut ${JSON.stringify(cluster)}, wherever it is`, () => {
      for (let at = 0; at < cluster.length; at += 1) {
        const text = `${'x'.repeat(MAX_PIECE_CHARS - at)}${cluster}y`;
        const [first = '', second = ''] = textPieces(text);
        assert.ok(first.endsWith(at === cluster.length ? cluster : 'x'), `cut after ${at}`);
        assert.ok(second.startsWith(cluster) || (at === 0 && first.endsWith('x')));
      }
    });
  }

  for (const cluster of ['🇩🇪', '👩‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣']) {
    test(`do not cut ${JSON.stringify(cluster)}, one of very many`, () => {
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

  test('are made of one cluster without end, too', () => {
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
