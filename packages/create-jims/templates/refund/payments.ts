// Orders and refunds: put your own services in here. As in a real one, the same key is the same refund,
// however often it is sent. These are in memory, so that the app runs without anything else.

export interface Order {
  readonly orderId: string;
  readonly item: string;
  readonly eur: number;
}

export interface Refund {
  readonly refundId: string;
}

const ORDERS: readonly Order[] = [
  { orderId: '1042', item: 'A tent for two', eur: 249 },
  { orderId: '1043', item: 'A pair of socks', eur: 12 },
];

const refundsByKey = new Map<string, Refund>();

/** `null` for an order that does not exist. */
export async function findOrder(orderId: string): Promise<Order | null> {
  return ORDERS.find((order) => order.orderId === orderId) ?? null;
}

export async function refund({ orderId }: Order, idempotencyKey: string): Promise<Refund> {
  const made = refundsByKey.get(idempotencyKey) ?? { refundId: `R-${orderId}` };
  refundsByKey.set(idempotencyKey, made);
  return made;
}
