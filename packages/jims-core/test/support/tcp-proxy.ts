import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

import { localPort } from './local-port.ts';

/** A network between a process and its database, with all its faults. */
export interface TcpProxy extends AsyncDisposable {
  /** The same URL, through the proxy. */
  readonly url: string;
  /** How often the client has spoken since the server last did: its round trips. */
  readonly roundTrips: number;
  /** Closes all connections, and refuses new ones until `restore`. */
  cut(): void;
  /** Lets nothing through in either direction until `restore`, and closes nothing. */
  stall(): void;
  restore(): void;
  /** Closes the next connection that brings an answer to what holds this text, before it arrives. */
  loseNextAnswer(to?: string): void;
}

/** Stands between a client and the server that `url` names. */
export async function openTcpProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  let isCut = false;
  let isStalled = false;
  let lostAnswer: string | undefined;
  let roundTrips = 0;

  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(target.port), target.hostname);
    let clientSpeaks = false;
    let received = '';
    client.on('data', (chunk) => {
      if (!clientSpeaks) {
        roundTrips++;
        received = '';
      }
      clientSpeaks = true;
      received += chunk.toString('latin1');
      pass(() => upstream.write(chunk));
    });
    upstream.on('data', (chunk) => {
      clientSpeaks = false;
      if (lostAnswer !== undefined && received.includes(lostAnswer)) {
        lostAnswer = undefined;
        client.destroy();
        return;
      }
      pass(() => client.write(chunk));
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  function pass(write: () => void): void {
    if (isStalled) held.push(write);
    else write();
  }

  const through = new URL(url);
  through.port = String(await localPort(server));

  function cut(): void {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  }

  return {
    url: through.href,
    get roundTrips() {
      return roundTrips;
    },
    cut,
    stall() {
      isStalled = true;
    },
    restore() {
      isCut = false;
      isStalled = false;
      for (const write of held.splice(0)) write();
    },
    loseNextAnswer(to = '') {
      lostAnswer = to;
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
