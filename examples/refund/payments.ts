// A payment service, as apps meet them: over HTTP, slow, and a process of its own. A refund that is asked
// for again with the same Idempotency-Key is the same refund.
//
//   node examples/refund/payments.ts        and see what was paid back at http://127.0.0.1:3001/refunds
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import * as v from 'valibot';

const ORDERS = [
  { orderId: '1042', item: 'A tent for two', eur: 249 },
  { orderId: '1043', item: 'A pair of socks', eur: 12 },
];

const NewRefund = v.object({ orderId: v.string(), eur: v.number() });

interface Refund extends v.InferOutput<typeof NewRefund> {
  readonly refundId: string;
  readonly idempotencyKey: string;
}

/** The status and the body of an answer. */
type Answer = readonly [status: number, body: unknown];

export interface PaymentService extends AsyncDisposable {
  readonly origin: string;
  /** What was paid back, oldest first. */
  readonly refunds: readonly Refund[];
}

/** Starts the service. A refund takes it `delayMs`, from when it is sure to be made. */
export async function startPayments(port: number, delayMs: number): Promise<PaymentService> {
  const refunds: Refund[] = [];

  async function refund(request: IncomingMessage): Promise<Answer> {
    const { orderId, eur } = v.parse(NewRefund, await json(request));
    const idempotencyKey = String(request.headers['idempotency-key']);
    let made = refunds.find((each) => each.idempotencyKey === idempotencyKey);
    if (!made) {
      const isPaid = refunds.some((each) => each.orderId === orderId);
      if (isPaid) return [409, { error: 'this order was refunded already' }];
      made = { refundId: `R-${refunds.length + 1}`, orderId, eur, idempotencyKey };
      refunds.push(made);
    }
    await sleep(delayMs);
    return [201, made];
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/refunds' && request.method === 'POST') return refund(request);
    const orderId = searchParams.get('order');
    if (pathname === '/refunds') {
      return [200, refunds.filter((each) => orderId === null || each.orderId === orderId)];
    }
    const order = ORDERS.find((each) => pathname === `/orders/${each.orderId}`);
    return order ? [200, order] : [404, { error: 'not found' }];
  }

  const server = createServer((request, response) => {
    void answer(request)
      .catch((error: unknown): Answer => [400, { error: String(error) }])
      .then(([status, body]) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify(body, null, 2)}\n`);
      });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const open = typeof address === 'object' && address ? address.port : port;
  return {
    origin: `http://127.0.0.1:${open}`,
    refunds,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

if (import.meta.main) {
  const { origin } = await startPayments(Number(process.env['PORT'] ?? 3001), 4000);
  console.log(`Payments: ${origin}/refunds`);
}
