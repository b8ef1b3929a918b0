// Connections to a database that one test after another uses. In a new one PostgreSQL has all to learn, the
// catalog and each function of the store, which takes it longer than what most tests do.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { NetConnectOpts, Server, Socket } from 'node:net';

import { MessageReader } from './postgres-messages.ts';

/** The first message of a client has no type, but a number. */
const CANCEL = 80_877_102;
const ENCRYPTION = new Set([80_877_103, 80_877_104]);
const NO_ENCRYPTION = 'N';
/** Of each kind: all processes of the tests have one server, which takes 400. */
const MOST_KEPT = 4;
/** What makes a session what it was in the beginning. */
const RESET = [
  'CLOSE ALL; RESET ALL; DEALLOCATE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all()',
  'DISCARD PLANS',
  'DISCARD TEMP',
  'DISCARD SEQUENCES',
];

/** Passes connections on to a server, and keeps the sessions of those that are closed. */
export class KeptConnections {
  readonly #server: NetConnectOpts;
  /** By what their clients began with: user, database, settings. */
  readonly #kept = new Map<string, Session[]>();
  readonly #clients = new Set<Socket>();
  readonly #resets = new Set<Promise<void>>();
  #door: Server | undefined;

  constructor({ hostname, port }: URL) {
    this.#server = { host: hostname, port: Number(port || 5432), noDelay: true };
  }

  /** Lets clients in, on the port that it resolves with. */
  async open(): Promise<number> {
    const door = createServer({ noDelay: true }, (client) => this.#receive(client)).unref();
    this.#door = door;
    await once(door.listen(0, '127.0.0.1'), 'listening');
    const address = door.address();
    if (address === null || typeof address === 'string') throw new Error('It has no port');
    return address.port;
  }

  /** Ends what clients are doing, and lets none in; resolves with the processes of the sessions that are kept. */
  async shut(): Promise<readonly number[]> {
    this.#door?.close();
    for (const client of this.#clients) client.destroy();
    while (this.#clients.size > 0) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(this.#resets);
    return [...this.#kept.values()].flat().map(({ pid }) => pid);
  }

  end(): void {
    for (const session of [...this.#kept.values()].flat()) session.end();
    this.#kept.clear();
  }

  #receive(client: Socket): void {
    client.unref();
    this.#clients.add(client);
    client.on('error', () => {});
    client.once('close', () => this.#clients.delete(client));
    let read = Buffer.alloc(0);
    const hear = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      while (read.length >= 8 && read.length >= read.readInt32BE(0)) {
        const first = read.subarray(0, read.readInt32BE(0));
        const code = first.readInt32BE(4);
        read = read.subarray(first.length);
        if (ENCRYPTION.has(code)) {
          client.write(NO_ENCRYPTION);
          continue;
        }
        client.off('data', hear);
        if (code === CANCEL)
          connect(this.#server)
            .on('error', () => {})
            .end(first);
        else this.#serve(client, first);
        return;
      }
    };
    client.on('data', hear);
  }

  #serve(client: Socket, first: Buffer): void {
    const key = first.toString('latin1');
    const kept = this.#kept.get(key) ?? [];
    this.#kept.set(key, kept);
    let session = kept.pop();
    while (session?.isGone) session = kept.pop();
    session ??= new Session(connect(this.#server), first);
    this.#lend(session, { client, kept });
  }

  #lend(session: Session, { client, kept }: { client: Socket; kept: Session[] }): void {
    session.serve(client, () => {
      const reset = session.reset().then((isSound) => {
        if (isSound && kept.length < MOST_KEPT) kept.push(session);
        else session.end();
        // What the session had, such as its locks, is free for others when its client hears of its end.
        client.end();
        this.#resets.delete(reset);
      });
      this.#resets.add(reset);
    });
  }
}

/** A connection to the server. */
class Session {
  readonly #socket: Socket;
  readonly #messages = new MessageReader();
  /** What the server says to a client that it has let in. */
  #greeting: Buffer[] | undefined;
  #isGreeted = false;
  #isIdle = false;
  /** Requests that have no answer yet. */
  #open = 1;
  #client: Socket | undefined;
  #whenIdle: ((isSound: boolean) => void) | undefined;
  #pid = 0;

  constructor(socket: Socket, first: Buffer) {
    this.#socket = socket.unref();
    socket.write(first);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#hear(chunk));
    socket.once('close', () => {
      this.#client?.destroy();
      this.#whenIdle?.(false);
    });
  }

  /** The process of the server that has it. */
  get pid(): number {
    return this.#pid;
  }

  /** The server, or a test, has ended it. */
  get isGone(): boolean {
    return this.#socket.destroyed;
  }

  /** Works for a client, until it has left. */
  serve(client: Socket, whenLeft: () => void): void {
    this.#client = client;
    if (this.#isGreeted) client.write(Buffer.concat(this.#greeting ?? []));
    const messages = new MessageReader();
    const leave = (): void => {
      if (this.#client !== client) return;
      this.#client = undefined;
      whenLeft();
    };
    client.on('data', (chunk: Buffer) => {
      for (const { type, start } of messages.read(chunk)) {
        if (type === 'X') {
          if (start !== 0) this.#isIdle = false;
          leave();
          return;
        }
        this.#isIdle = false;
        if (type === 'Q' || type === 'S') this.#open += 1;
      }
      if (this.#socket.write(chunk)) return;
      client.pause();
      this.#socket.once('drain', () => client.resume());
    });
    client.on('drain', () => this.#socket.resume());
    client.once('close', leave);
  }

  /** Resolves with whether another client may have it. */
  async reset(): Promise<boolean> {
    this.#socket.resume();
    for (const sql of RESET) {
      if (!this.#isIdle || this.isGone) return false;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      this.#whenIdle = resolve;
      this.#isIdle = false;
      this.#open = 1;
      const message = Buffer.from(`Q\0\0\0\0${sql}\0`);
      message.writeInt32BE(message.length - 1, 1);
      this.#socket.write(message);
      if (!(await promise)) return false;
    }
    return true;
  }

  end(): void {
    this.#socket.destroy();
  }

  #hear(chunk: Buffer): void {
    const begun = this.#isGreeted ? undefined : this.#greeting;
    begun?.push(chunk);
    for (const { type, start, content } of this.#messages.read(chunk)) {
      if (type === 'R' && content.readInt32BE(0) === 0) this.#greeting = [chunk.subarray(start)];
      if (type === 'K') this.#pid = content.readInt32BE(0);
      if (type !== 'Z') continue;
      this.#isGreeted = true;
      this.#open -= 1;
      this.#isIdle = this.#open === 0 && content.toString('latin1') === 'I';
      if (this.#isIdle) this.#whenIdle?.(true);
    }
    if (this.#client && !this.#client.write(chunk)) this.#socket.pause();
  }
}
