import { Client } from 'pg';
import type { ClientConfig } from 'pg';

import type { StartedRun } from '../store.ts';
import type { Database } from './database.ts';

/**
 * Tells other processes at once what they would find out by their next poll. A hint that is lost, as
 * behind a PgBouncer that lends connections by transaction, costs time and nothing else.
 */
export interface Hints {
  /** Resolves when it listens, or when that was tried in vain; then it is tried again and again. */
  listen(instanceId: string, wake: () => void): Promise<void>;
  /** Wakes who has these runs, in the background; `except` needs no waking. */
  wake(runs: readonly StartedRun[], except?: string): void;
  close(): Promise<void>;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

export function createHints(config: ClientConfig, db: Database): Hints {
  const listeners: Listener[] = [];
  let isClosed = false;
  return {
    async listen(instanceId, wake) {
      if (isClosed) return;
      const listener = createListener(config, channelOf(instanceId), wake);
      // Before it is connected: it may be closed meanwhile.
      listeners.push(listener);
      await listener.connect();
    },

    // Not in the transaction that it tells about: a NOTIFY makes all commits wait for each other.
    wake(runs, except) {
      const ids = new Set(runs.map((run) => run.instanceId));
      if (except !== undefined) ids.delete(except);
      if (ids.size === 0) return;
      const channels = [...ids].map(channelOf);
      db.query("select pg_notify(channel, '') from unnest($1::text[]) as channel", [
        channels,
      ]).catch(() => {});
    },

    async close() {
      isClosed = true;
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  };
}

function channelOf(instanceId: string): string {
  return `jims_${instanceId.replaceAll('-', '')}`;
}

interface Listener {
  /** Resolves when it listens, or when that was tried in vain; then it tries again and again. */
  connect(): Promise<void>;
  close(): Promise<void>;
}

/** Listens on a connection of its own, as one of the pool's may be closed at any time. */
function createListener(config: ClientConfig, channel: string, wake: () => void): Listener {
  let current: Client | undefined;
  let connecting: Promise<void> | undefined;
  let isClosed = false;
  let retryMs = FIRST_RETRY_MS;
  let retry: NodeJS.Timeout | undefined;

  function connect(): Promise<void> {
    connecting = connectNow();
    return connecting;
  }

  async function connectNow(): Promise<void> {
    const client = new Client(config);
    current = client;
    client.on('error', () => {});
    client.on('notification', wake);
    client.on('end', () => again(client));
    try {
      await client.connect();
      await client.query(`listen "${channel}"`);
      retryMs = FIRST_RETRY_MS;
      hold(client, false);
    } catch {
      await client.end().catch(() => {});
      again(client);
    }
  }

  function again(client: Client): void {
    if (isClosed || current !== client) return;
    current = undefined;
    retry = setTimeout(() => void connect().then(wake), retryMs).unref();
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }

  return {
    connect,
    async close() {
      isClosed = true;
      clearTimeout(retry);
      // The driver would never settle a connection that is ended while it is made.
      await connecting;
      if (!current) return;
      hold(current, true);
      await current.end().catch(() => {});
    },
  };
}

/** Listening is no reason for a process to go on, but ending it is. The driver's types lack these. */
function hold(client: Client & { ref?(): void; unref?(): void }, isHeld: boolean): void {
  if (isHeld) client.ref?.();
  else client.unref?.();
}
