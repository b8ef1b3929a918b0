import { Client } from 'pg';
import type { ClientConfig } from 'pg';

import type { StartedRun } from '../run-store.ts';
import { NOBODY } from '../store.ts';
import type { Database } from './database.ts';
import { PROBE, holdLock } from './session-lock.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

/**
 * Tells other processes at once what they would find out by their next poll. A notification that is
 * lost, as behind a PgBouncer that lends connections by transaction, costs time and nothing else.
 */
export class Notifications {
  readonly #config: ClientConfig;
  readonly #db: Database;
  readonly #onLockFailed: (error: unknown) => void;
  readonly #listeners: Listener[] = [];
  #isClosed = false;

  /** @param config How to make a connection of its own for each listener. */
  /** @param onLockFailed Called when no lock can show that a process lives. */
  constructor(config: ClientConfig, db: Database, onLockFailed: (error: unknown) => void) {
    this.#config = config;
    this.#db = db;
    this.#onLockFailed = onLockFailed;
  }

  /** Resolves after the first try; if that failed, it goes on trying in the background. */
  async listen(instanceId: string, wake: () => void): Promise<void> {
    if (this.#isClosed) return;
    const listener = new Listener(this.#config, {
      db: this.#db,
      instanceId,
      wake,
      onLockFailed: this.#onLockFailed,
    });
    // Before it is connected: it may be closed meanwhile.
    this.#listeners.push(listener);
    await listener.connect();
  }

  /**
   * Wakes the processes that have these runs, in the background; `except` needs no waking. Not in the
   * transaction that it is about: a NOTIFY makes all commits wait for each other.
   */
  notify(runs: readonly StartedRun[], except?: string): void {
    const ids = new Set(runs.map((run) => run.instanceId));
    ids.delete(NOBODY);
    if (except !== undefined) ids.delete(except);
    if (ids.size === 0) return;
    const channels = [...ids].map(channelOf);
    this.#db
      .query("select pg_notify(channel, '') from unnest($1::text[]) as channel", [channels])
      .catch(() => {});
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }
}

function channelOf(instanceId: string): string {
  return `jims_${instanceId.replaceAll('-', '')}`;
}

interface ListenerOptions {
  readonly db: Database;
  readonly instanceId: string;
  readonly wake: () => void;
  readonly onLockFailed: (error: unknown) => void;
}

/** Listens on a connection of its own, as one of the pool's may be closed at any time. */
class Listener {
  readonly #config: ClientConfig;
  readonly #db: Database;
  readonly #instanceId: string;
  readonly #wake: () => void;
  readonly #onLockFailed: (error: unknown) => void;
  readonly #closing = new AbortController();
  #client: Client | undefined;
  #connecting: Promise<void> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;

  constructor(config: ClientConfig, { db, instanceId, wake, onLockFailed }: ListenerOptions) {
    this.#config = config;
    this.#db = db;
    this.#instanceId = instanceId;
    this.#wake = wake;
    this.#onLockFailed = onLockFailed;
  }

  connect(): Promise<void> {
    this.#connecting = this.#connectNow();
    return this.#connecting;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#retry);
    // The driver would never settle a connection that is ended while it is made.
    await this.#connecting;
    if (!this.#client) return;
    hold(this.#client, true);
    await this.#client.end().catch(() => {});
  }

  async #connectNow(): Promise<void> {
    const client = new Client(this.#config);
    this.#client = client;
    client.on('error', () => {});
    client.on('notification', ({ payload }) => payload !== PROBE && this.#wake());
    client.on('end', () => this.#connectLater(client));
    try {
      await client.connect();
      const channel = channelOf(this.#instanceId);
      await client.query(`listen "${channel}"`);
      this.#retryMs = FIRST_RETRY_MS;
      hold(client, false);
      void holdLock(client, {
        db: this.#db,
        instanceId: this.#instanceId,
        channel,
        closing: this.#closing.signal,
        onFailure: this.#onLockFailed,
      });
    } catch {
      await client.end().catch(() => {});
      this.#connectLater(client);
    }
  }

  #connectLater(lost: Client): void {
    if (this.#closing.signal.aborted || this.#client !== lost) return;
    this.#client = undefined;
    this.#retry = setTimeout(() => void this.connect().then(this.#wake), this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }
}

/** An idle listener does not keep the process alive; while it is being closed it does. The driver's types lack `ref` and `unref`. */
function hold(client: Client & { ref?(): void; unref?(): void }, isHeld: boolean): void {
  if (isHeld) client.ref?.();
  else client.unref?.();
}
