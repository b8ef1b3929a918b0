import { connect } from 'node:net';

/** `POST /api/v1/chat/stream`, followed from outside as the bytes come. */
export interface OpenStream {
  /** Resolves with all text so far as soon as `word` is in it; rejects when it ends without. */
  until(word: string): Promise<string>;
}

const SILENCE_MS = 60_000;

export function openStream(port: number, body: object): OpenStream {
  const text = JSON.stringify(body);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  let over = false;
  let look = (): void => {};
  socket
    .setEncoding('latin1')
    .setTimeout(SILENCE_MS, () => socket.destroy())
    .on('connect', () =>
      socket.write(
        `POST /api/v1/chat/stream HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n` +
          `content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
      ),
    )
    .on('data', (chunk: string) => {
      received += chunk;
      look();
    })
    .on('error', () => {})
    .on('close', () => {
      over = true;
      look();
    });
  return {
    until: (word) =>
      new Promise((resolve, reject) => {
        look = () => {
          if (received.includes(word)) resolve(received);
          else if (over) reject(new Error(`the stream ended without '${word}': ${received}`));
        };
        look();
      }),
  };
}
