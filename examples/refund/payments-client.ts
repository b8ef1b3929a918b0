// The payment service, as the app sees it.
import * as v from 'valibot';

const Order = v.object({ orderId: v.string(), item: v.string(), eur: v.number() });
const Refund = v.object({ refundId: v.string() });

export type Order = v.InferOutput<typeof Order>;
type Refund = v.InferOutput<typeof Refund>;

const ORIGIN = process.env['PAYMENTS_URL'] ?? 'http://127.0.0.1:3001';

/** `null` for an order that does not exist. */
export async function findOrder(orderId: string, signal: AbortSignal): Promise<Order | null> {
  const response = await fetch(`${ORIGIN}/orders/${orderId}`, { signal });
  if (response.status === 404) return null;
  return v.parse(Order, await bodyOf(response));
}

export async function findRefunds(orderId: string, signal: AbortSignal): Promise<Refund[]> {
  const response = await fetch(`${ORIGIN}/refunds?order=${orderId}`, { signal });
  return v.parse(v.array(Refund), await bodyOf(response));
}

/**
 * The same key is the same refund, however often it is sent. `null` for an order that was refunded with
 * another key.
 */
export async function refund(
  { orderId, eur }: Order,
  { idempotencyKey, signal }: { readonly idempotencyKey: string; readonly signal: AbortSignal },
): Promise<Refund | null> {
  const response = await fetch(`${ORIGIN}/refunds`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: JSON.stringify({ orderId, eur }),
    signal,
  });
  if (response.status === 409) return null;
  return v.parse(Refund, await bodyOf(response));
}

async function bodyOf(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`The payment service answers ${response.status}`);
  return response.json();
}
