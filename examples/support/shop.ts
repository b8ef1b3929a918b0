// What the shop knows of its orders. Yours is a database, or a service over HTTP.
export interface Order {
  readonly number: string;
  readonly contactId: string;
  readonly item: string;
  readonly eur: number;
  readonly state: string;
}

export interface Refund {
  readonly refundId: string;
  readonly number: string;
  readonly eur: number;
}

const ORDERS: readonly Order[] = [
  {
    number: '1042',
    contactId: 'customer:42',
    item: 'A tent for two',
    eur: 249,
    state: 'on its way, with you on Thursday',
  },
  {
    number: '1043',
    contactId: 'customer:43',
    item: 'A pair of poles',
    eur: 39,
    state: 'delivered',
  },
];
const refunds = new Map<string, Refund>();

/** An order of this contact: whatever number a model asks for, it never gets somebody else's. */
export async function findOrder(
  contactId: string | undefined,
  number: string,
): Promise<Order | undefined> {
  return ORDERS.find((order) => order.number === number && order.contactId === contactId);
}

/** Pays the money back once for each key, however often it is called with it. */
export async function payBack({ number, eur }: Order, key: string): Promise<Refund> {
  const made = refunds.get(key) ?? { refundId: `R-${refunds.size + 1}`, number, eur };
  refunds.set(key, made);
  return made;
}
