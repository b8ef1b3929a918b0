import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';

import { JSON_BOUNDS } from '../../src/http/fastapi/parse-json.ts';
import { readJsonBody } from '../../src/http/json-body.ts';

const LIMITS = { maxBytes: 100, json: { ...JSON_BOUNDS, maxDepth: 10 } };

interface Sent {
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  readonly type?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

function read({ body, type = 'application/json', headers = {} }: Sent): Promise<unknown> {
  const sent = new Headers(headers);
  const request = new Request('http://localhost/', {
    method: 'POST',
    ...(body !== undefined && { body }),
    // For streams only, and not known to the types yet.
    ...(body instanceof ReadableStream && { duplex: 'half' }),
    headers: sent,
  });
  if (type === null) request.headers.delete('content-type');
  else request.headers.set('content-type', type);
  return readJsonBody(request, LIMITS);
}

/** A body of unknown length, in these pieces. */
function chunked(...chunks: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return ReadableStream.from(
    chunks.map((chunk) => (typeof chunk === 'string' ? encoder.encode(chunk) : chunk)),
  );
}

test('a JSON body is read whole or in pieces, also when a character is cut in two', async () => {
  const bytes = new TextEncoder().encode('{"a":"é😀"}');
  assert.deepEqual(await read({ body: bytes }), { a: 'é😀' });
  const halves = chunked(bytes.slice(0, 7), bytes.slice(7, 10), bytes.slice(10));
  assert.deepEqual(await read({ body: halves }), { a: 'é😀' });
});

test('no body is undefined, whatever its content type', async () => {
  assert.equal(await read({}), undefined);
  assert.equal(await read({ body: '' }), undefined);
  assert.equal(await read({ body: chunked(), type: null }), undefined);
});

test('a byte order mark is not part of the text', async () => {
  assert.deepEqual(await read({ body: '\uFEFF{}' }), {});
});

test('only a JSON content type makes JSON of it; else the body is a string', async () => {
  for (const type of [
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;a=b;c',
    'application/vnd.api+json',
    'application/problem+json ; x=1',
  ]) {
    assert.deepEqual(await read({ body: '{"a":1}', type }), { a: 1 }, type);
  }
  for (const type of [
    null,
    'text/plain',
    'text/json',
    'application/jsonp',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=application/json',
  ]) {
    assert.equal(await read({ body: '{"a":1}', type }), '{"a":1}', String(type));
  }
});

test('a body over the limit is refused before it is read, or as soon as it is over', async () => {
  const fits = `"${'x'.repeat(98)}"`;
  assert.equal(await read({ body: fits }), 'x'.repeat(98));
  assert.equal(await read({ body: chunked(fits) }), 'x'.repeat(98));
  await assert.rejects(read({ body: `${fits} ` }), { status: 413, code: 'body_too_large' });
  await assert.rejects(read({ body: chunked(fits, ' ') }), { status: 413 });
  await assert.rejects(read({ body: '1', headers: { 'content-length': '101' } }), { status: 413 });
  await assert.rejects(read({ body: `${fits} `, headers: { 'content-length': '1' } }), {
    status: 413,
  });
});

test('a body without end is not read to its end', async () => {
  let taken = 0;
  const cancelled = Promise.withResolvers<void>();
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken += 1;
      controller.enqueue(new Uint8Array(64).fill(0x20));
    },
    cancel: () => cancelled.resolve(),
  });
  await assert.rejects(read({ body: endless }), { status: 413 });
  await cancelled.promise;
  assert.ok(taken < 10, String(taken));
});

test('what is not UTF-8, or breaks off, is 400; the reason is not for the client', async () => {
  const refusal = { status: 400, detail: 'There was an error parsing the body' };
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xe2, 0x82, 0x22],
    [0xff, 0xfe, 0x7b, 0x00],
  ]) {
    await assert.rejects(read({ body: new Uint8Array(bytes) }), refusal);
    await assert.rejects(read({ body: chunked(new Uint8Array(bytes)) }), refusal);
    await assert.rejects(read({ body: new Uint8Array(bytes), type: 'text/plain' }), refusal);
  }
  await assert.rejects(read({ body: chunked('"', new Uint8Array([0xc3])) }), refusal);
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error('ECONNRESET by 10.0.0.7')),
  });
  await assert.rejects(read({ body: broken }), refusal);
});

test('what is not JSON is 422, with the position of the fault', async () => {
  await assert.rejects(read({ body: '{"a":}' }), (error: { status: number; detail: unknown }) => {
    assert.equal(error.status, 422);
    assert.deepEqual(error.detail, [
      {
        type: 'json_invalid',
        loc: ['body', 5],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: 'Expecting value' },
      },
    ]);
    return true;
  });
  await assert.rejects(read({ body: '['.repeat(11) + ']'.repeat(11) }), { status: 422 });
});

test('a compressed body is decompressed, and its limit is that of the result', async () => {
  const zeros = `"${'0'.repeat(98)}"`;
  const ways: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['gzip', (bytes) => gzipSync(bytes)],
    ['x-gzip', (bytes) => gzipSync(bytes)],
    ['GZIP', (bytes) => gzipSync(bytes)],
    ['deflate', (bytes) => deflateSync(bytes)],
    ['deflate', (bytes) => deflateSync(bytes, { level: 9, windowBits: 10 })],
    ['deflate', (bytes) => deflateRawSync(bytes)],
    ['br', (bytes) => brotliCompressSync(bytes)],
    ['zstd', (bytes) => zstdCompressSync(bytes)],
    ['identity', (bytes) => bytes],
    ['gzip, identity', (bytes) => gzipSync(bytes)],
  ];
  for (const [encoding, compress] of ways) {
    const headers = { 'content-encoding': encoding };
    const send = (text: string): Promise<unknown> =>
      read({ body: new Uint8Array(compress(Buffer.from(text))), headers });
    assert.equal(await send(zeros), '0'.repeat(98), encoding);
    await assert.rejects(send(`${zeros} `), { status: 413, code: 'body_too_large' }, encoding);
    await assert.rejects(send('{'), { status: 422 }, encoding);
  }
  const inPieces = chunked(new Uint8Array(gzipSync('[1]')));
  assert.deepEqual(await read({ body: inPieces, headers: { 'content-encoding': 'gzip' } }), [1]);
});

test('what is not compressed as it says is 400, and an unknown way 415', async () => {
  const whole = new Uint8Array(gzipSync('{"a":1}'));
  const gzip = { 'content-encoding': 'gzip' };
  await assert.rejects(read({ body: '{"a":1}', headers: gzip }), {
    status: 400,
    code: 'content_encoding_invalid',
  });
  await assert.rejects(read({ body: whole.slice(0, -9), headers: gzip }), {
    status: 400,
    code: undefined,
    detail: 'There was an error parsing the body',
  });
  for (const encoding of ['compress', 'gzip, br', 'gzip,gzip', 'utf-8', 'x'.repeat(10_000)]) {
    await assert.rejects(
      read({ body: whole, headers: { 'content-encoding': encoding } }),
      (error: { status: number; code: string; detail: string }) => {
        assert.deepEqual([error.status, error.code], [415, 'content_encoding_not_supported']);
        assert.ok(error.detail.length < 300);
        return true;
      },
    );
  }
});

test('a body that somebody has read before is an error that says so', async () => {
  const request = new Request('http://localhost/', {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  });
  await request.text();
  await assert.rejects(readJsonBody(request, LIMITS), { status: 500, code: 'body_read_already' });
});
