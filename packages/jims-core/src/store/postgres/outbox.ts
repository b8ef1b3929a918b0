import { cleanJson, cleanText } from '../../text/clean-text.ts';
import type { OutboxStore, SubscribeResult, SubscriptionRecord, TakenDelivery } from '../store.ts';
import type { Database } from './database.ts';
import { uuidOrNull } from './parameters.ts';

/** Who is to be sent what changes in chains, and what is still to be sent. */
export function outboxStore(db: Database): OutboxStore {
  return {
    subscribe: ({ chainId, kind, owner, name, config }) =>
      db.call<SubscribeResult>('subscribe', {
        chain_id: uuidOrNull(chainId),
        kind,
        owner: cleanText(owner),
        name: cleanText(name),
        config: cleanJson(config),
      }),

    async subscriptions({ chainId, kind, owner }) {
      const rows = await db.query<{ subscription: SubscriptionRecord }>(
        `select jims.subscription_json(s) as subscription from jims.subscriptions s
         where chain_id = $1 and kind = $2 and owner = $3
         order by created_at, subscription_id`,
        [uuidOrNull(chainId), kind, cleanText(owner)],
      );
      return rows.map(({ subscription }) => subscription);
    },

    async unsubscribe({ chainId, kind, owner, name }) {
      await db.query(
        `delete from jims.subscriptions
         where chain_id = $1 and kind = $2 and owner = $3 and name = $4`,
        [uuidOrNull(chainId), kind, cleanText(owner), cleanText(name)],
      );
    },

    takeDeliveries: ({ kinds, leaseMs, limit }) =>
      db.call<readonly TakenDelivery[]>('take_deliveries', { kinds, lease_ms: leaseMs, limit }),

    async endDelivery({ deliveryId, claim }, outcome) {
      const isStored = await db.call<boolean>('end_delivery', {
        delivery_id: deliveryId,
        claim,
        outcome: outcome.kind,
        retry_in_ms: outcome.kind === 'failed' ? outcome.retryInMs : undefined,
        error: outcome.kind === 'sent' ? undefined : cleanText(outcome.error),
      });
      return isStored ? 'stored' : 'fenced';
    },
  };
}
