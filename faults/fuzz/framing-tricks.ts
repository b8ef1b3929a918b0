const BODY = '{"message": "m0 canary-fuzz echo 0", "contact_id": "fuzz"}';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

interface Trick {
  readonly name: string;
  readonly pieces: readonly string[];
}

/** Requests that say in two ways where they end, or not at all, and other abuse of HTTP itself. */
export const FRAMING_TRICKS: readonly Trick[] = [
  trick('both lengths', ['Content-Length: 5', 'Transfer-Encoding: chunked'], chunked(BODY)),
  trick('two lengths', [`Content-Length: ${BODY.length}`, 'Content-Length: 1'], BODY),
  trick('negative length', ['Content-Length: -1'], BODY),
  trick('length of words', ['Content-Length: many'], BODY),
  trick('length with a sign', [`Content-Length: +${BODY.length}`], BODY),
  trick('immense length', ['Content-Length: 99999999999999999999'], BODY),
  trick('length over the limit', ['Content-Length: 4000000000'], BODY),
  trick('length too long', [`Content-Length: ${BODY.length + 50}`], BODY),
  trick('length too short', [`Content-Length: ${BODY.length - 20}`], BODY + SMUGGLED),
  trick('no length', [], BODY),
  trick('chunk size of words', ['Transfer-Encoding: chunked'], `zz\r\n${BODY}\r\n0\r\n\r\n`),
  trick('chunk size immense', ['Transfer-Encoding: chunked'], `ffffffffffffffffff\r\n${BODY}`),
  trick('chunk size negative', ['Transfer-Encoding: chunked'], `-1\r\n${BODY}\r\n0\r\n\r\n`),
  trick('chunk without end', ['Transfer-Encoding: chunked'], `5\r\n${BODY}\r\n0\r\n\r\n`),
  trick('chunk extension', ['Transfer-Encoding: chunked'], `3a;a=${'x'.repeat(30_000)}\r\n${BODY}`),
  trick('chunked twice', ['Transfer-Encoding: chunked, chunked'], chunked(BODY)),
  trick('chunked not last', ['Transfer-Encoding: chunked, gzip'], chunked(BODY)),
  trick('chunked with a tab', ['Transfer-Encoding:\tchunked '], chunked(BODY)),
  trick('chunked disguised', ['Transfer-Encoding: xchunked'], chunked(BODY)),
  trick('space before the colon', ['Transfer-Encoding : chunked'], chunked(BODY)),
  trick('folded header', ['X-A: b\r\n c: d', `Content-Length: ${BODY.length}`], BODY),
  trick('NUL in a header', ['X-A: b\0c', `Content-Length: ${BODY.length}`], BODY),
  trick('headers over the limit', [`X-A: ${'x'.repeat(64 * 1024)}`], ''),
  trick(
    'very many headers',
    Array.from({ length: 3000 }, (_, i) => `a${i}: b`),
    '',
  ),
  trick('expects', ['Expect: 200-ok', `Content-Length: ${BODY.length}`], BODY),
  trick('upgrade', ['Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 0'], ''),
  trick('unknown encoding', ['Content-Encoding: br', `Content-Length: ${BODY.length}`], BODY),
  trick(
    'wrong charset',
    ['Content-Type: application/json; charset=utf-7', 'Content-Length: 2'],
    '{}',
  ),
  { name: 'no HTTP', pieces: ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'] },
  { name: 'no host', pieces: ['GET /healthz HTTP/1.1\r\n\r\n'] },
  { name: 'hosts', pieces: ['GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'] },
  { name: 'host of junk', pieces: ['GET /healthz HTTP/1.1\r\nHost: a b{}<>\r\n\r\n'] },
  { name: 'host with a path', pieces: ['GET /healthz HTTP/1.1\r\nHost: a/../b?c#d@e\r\n\r\n'] },
  { name: 'whole address', pieces: ['GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n'] },
  { name: 'not an address', pieces: ['GET //[ HTTP/1.1\r\nHost: a\r\n\r\n'] },
  { name: 'broken escapes', pieces: ['GET /api/v1/threads/%ff%zz%00 HTTP/1.1\r\nHost: a\r\n\r\n'] },
  { name: 'traversal', pieces: ['GET /../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n'] },
  { name: 'star', pieces: ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'] },
  { name: 'connect', pieces: ['CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'] },
  { name: 'trace', pieces: ['TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'] },
  {
    name: 'body of a GET',
    pieces: ['GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}'],
  },
  { name: 'HTTP/0.9', pieces: ['GET /healthz\r\n\r\n'] },
  { name: 'HTTP/9.9', pieces: ['GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n'] },
  { name: 'long address', pieces: [`GET /${'x'.repeat(60_000)} HTTP/1.1\r\nHost: a\r\n\r\n`] },
  {
    name: 'cursor',
    pieces: ['GET /api/v1/threads?contact_id=a&cursor=%00%ff HTTP/1.1\r\nHost: a\r\n\r\n'],
  },
  { name: 'pipelined', pieces: ['GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(500)] },
];

function trick(name: string, headers: readonly string[], body: string): Trick {
  const head = ['POST /api/v1/chat HTTP/1.1', 'Host: a', ...headers];
  return { name, pieces: [`${head.join('\r\n')}\r\n\r\n`, body] };
}

function chunked(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
}
