import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { startPayments } from '../../../../examples/refund/payments.ts';
import type { PaymentService } from '../../../../examples/refund/payments.ts';
import { localPort } from '../../../jims-core/test/support/local-port.ts';
import { freshSqlite } from '../../../jims-core/test/support/sqlite.ts';
import { PROGRAM_FLAGS } from './command.ts';

const SERVER = fileURLToPath(new URL('../../../../examples/refund/server.ts', import.meta.url));

/** A request that the payment service got, and has answered, but whose answer is not sent yet. */
export interface PaymentRequest {
  /** Method and path, such as `POST /refunds`. */
  readonly line: string;
  readonly key: string | undefined;
}

/** The example in a process of its own, which is killed and started again on one file and one port. */
export interface RefundShop extends AsyncDisposable {
  readonly origin: string;
  readonly payments: PaymentService;
  /** What the payment service was asked for, oldest first. */
  readonly requests: readonly PaymentRequest[];
  start(): Promise<void>;
  /** Ends the process with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Kills the process when the payment service has done this request, before it hears of that. Once. */
  killAt(line: string): Promise<void>;
}

export async function openRefundShop(): Promise<RefundShop> {
  const database = freshSqlite();
  const payments = await startPayments(0, 0);
  const requests: PaymentRequest[] = [];
  const traps = new Map<string, () => void>();
  let child: ChildProcess | undefined;
  let origin = '';

  const between = createServer((request, response) => {
    void (async () => {
      const line = `${request.method} ${request.url}`;
      const key = request.headers['idempotency-key']?.toString();
      const answer = await fetch(payments.origin + request.url, {
        method: request.method ?? 'GET',
        headers: { ...(key !== undefined && { 'idempotency-key': key }) },
        ...(request.method === 'POST' && { body: await text(request) }),
      });
      requests.push({ line, key });
      const trap = traps.get(line);
      traps.delete(line);
      // The answer is never sent.
      if (trap) return trap();
      response.writeHead(answer.status);
      response.end(await answer.text());
    })();
  });
  const paymentsUrl = `http://127.0.0.1:${await localPort(between)}`;

  async function kill(): Promise<void> {
    assert.ok(child);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    child = undefined;
  }

  async function start(): Promise<void> {
    child = spawn(process.execPath, [...PROGRAM_FLAGS, SERVER], {
      env: {
        ...process.env,
        JIMS_DB_CONN_URI: database.url,
        PAYMENTS_URL: paymentsUrl,
        PORT: new URL(origin || 'http://localhost:0').port || '0',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    origin = await printedOrigin(child);
  }

  await start();
  return {
    get origin() {
      return origin;
    },
    payments,
    requests,
    start,
    kill,
    async killAt(line) {
      await new Promise<void>((resolve) => traps.set(line, resolve));
      await kill();
    },
    async [Symbol.asyncDispose]() {
      if (child) await kill();
      between.closeAllConnections();
      between.close();
      await payments[Symbol.asyncDispose]();
      database[Symbol.dispose]();
    },
  };
}

async function printedOrigin({ stdout }: ChildProcess): Promise<string> {
  assert.ok(stdout);
  let printed = '';
  for await (const piece of stdout) {
    printed += piece;
    const found = /Customers: (\S+)\n/.exec(printed)?.[1];
    if (found) return found;
  }
  return assert.fail(`The example ended: ${printed}`);
}
