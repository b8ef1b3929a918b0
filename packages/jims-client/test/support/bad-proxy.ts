// A network as it should not be, between a client and a service.
import { randomBytes } from 'node:crypto';
import { createServer, request as send } from 'node:http';
import type { IncomingMessage, RequestOptions, ServerResponse } from 'node:http';

import { localPort } from '../../../jims-core/test/support/local-port.ts';

/** What may happen to a request. */
export const FAULTS = [
  'refused',
  'bad_gateway',
  'unavailable',
  'late',
  'doubled',
  'answer_lost',
  'cut',
  'garbled',
  'silent',
  'silent_later',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface BadProxy extends AsyncDisposable {
  readonly origin: string;
  /** Where requests go. */
  target: string;
  /** How many of a hundred requests have a fault. */
  percent: number;
  /** How often each happened. */
  readonly happened: Map<Fault, number>;
}

const PAGE = '<html><head><title>Bad gateway</title></head><body>nginx</body></html>';

/** @param random Between 0 and 1, to choose what happens. */
export async function badProxy(
  target: string,
  { percent = 30, random = Math.random }: { percent?: number; random?: () => number } = {},
): Promise<BadProxy> {
  const happened = new Map<Fault, number>();
  const server = createServer((incoming, outgoing) => {
    incoming.on('error', () => {});
    outgoing.on('error', () => {});
    void answer(incoming, outgoing);
  });

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const isFaulty = random() * 100 < proxy.percent;
    const fault = isFaulty ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
    if (fault) happened.set(fault, (happened.get(fault) ?? 0) + 1);
    const forward = (): Promise<IncomingMessage> =>
      forwarded(proxy.target, incoming, body, outgoing);
    try {
      await passOn(fault, outgoing, { forward, random });
    } catch {
      outgoing.destroy();
    }
  }

  const port = await localPort(server);
  const proxy: BadProxy = {
    origin: `http://127.0.0.1:${port}`,
    target,
    percent,
    happened,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
  return proxy;
}

async function passOn(
  fault: Fault | undefined,
  outgoing: ServerResponse,
  { forward, random }: { forward: () => Promise<IncomingMessage>; random: () => number },
): Promise<void> {
  if (fault === 'refused') return void outgoing.destroy();
  if (fault === 'silent') return;
  if (fault === 'bad_gateway' || fault === 'unavailable') {
    const retry = fault === 'unavailable' && random() < 0.2 ? { 'retry-after': '1' } : {};
    const status = fault === 'unavailable' ? 503 : 502;
    return void outgoing.writeHead(status, { 'content-type': 'text/html', ...retry }).end(PAGE);
  }
  if (fault === 'late') await new Promise((resolve) => setTimeout(resolve, random() * 200));
  if (fault === 'doubled') {
    const first = await forward();
    first.resume();
  }
  const answer = await forward();
  if (fault === 'answer_lost') {
    answer.destroy();
    return void outgoing.destroy();
  }
  const { statusCode = 500, headers } = answer;
  const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding']);
  const passed = Object.entries(headers).filter(([name]) => !hopByHop.has(name));
  outgoing.writeHead(statusCode, Object.fromEntries(passed) as Record<string, string>);
  outgoing.flushHeaders();
  let left =
    fault === 'cut' || fault === 'garbled' || fault === 'silent_later'
      ? random() ** 2 * 3000
      : Infinity;
  answer.on('error', () => outgoing.destroy());
  answer.on('close', () => {
    if (!answer.complete) outgoing.destroy();
  });
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (left === Infinity || chunk.length <= left) {
      outgoing.write(chunk);
      left -= chunk.length;
      continue;
    }
    outgoing.write(chunk.subarray(0, Math.floor(left)));
    if (fault === 'silent_later') return void answer.destroy();
    // Until now it was all true; what follows is not, and nothing after it arrives.
    if (fault === 'garbled')
      await new Promise<void>((resolve) => outgoing.write(garbage(random), () => resolve()));
    answer.destroy();
    return void outgoing.destroy();
  }
  outgoing.end();
}

function garbage(random: () => number): Buffer {
  const text = ['\n\n', '\r\r', 'data: {"message_id": 1}\n\n', '\u0000', '', ': hb', '}\n\n'];
  const chosen = text[Math.floor(random() * text.length)] ?? '';
  return Buffer.concat([randomBytes(1 + Math.floor(random() * 20)), Buffer.from(chosen)]);
}

function forwarded(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
): Promise<IncomingMessage> {
  const { host: _, ...others } = headers;
  const options: RequestOptions = { method: method ?? 'GET', headers: others, agent: false };
  return new Promise((resolve, reject) => {
    const request = send(new URL(url ?? '/', target), options, resolve);
    request.on('error', reject);
    // A client that leaves leaves the service, too.
    outgoing.on('close', () => request.destroy());
    request.end(body);
  });
}
