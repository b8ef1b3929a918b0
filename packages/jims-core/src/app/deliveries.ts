// What a program that serves an app sends to others when runs of it end.
import type { SendDelivery } from '../run/deliveries.ts';
import type { OutboxStore } from '../store/store.ts';
import { openAppOf } from './app.ts';
import type { JimsApp } from './app.ts';

/** The subscriptions to chains of an app. */
export type Subscriptions = Pick<OutboxStore, 'subscribe' | 'subscriptions' | 'unsubscribe'>;

/**
 * Sends deliveries of a kind in this way from now on, as long as the app is open. Of the same kind the last one
 * counts.
 *
 * @example
 * sendDeliveriesBy(app, 'a2a', async ({ subscription, runId }, signal) => {
 *   const answer = await fetch(String(subscription.config['url']), { method: 'POST', body: runId, signal });
 *   return answer.ok ? { kind: 'sent' } : { kind: 'failed', reason: `It answered ${answer.status}` };
 * });
 */
export function sendDeliveriesBy(app: JimsApp, kind: string, send: SendDelivery): void {
  const { metrics, deliveries } = openAppOf(app);
  metrics.expectDeliveries(kind);
  deliveries.sendBy(kind, send);
}

/**
 * Who is sent what changes in the chains of an app. Opens the app.
 *
 * @throws JimsError as `JimsApp.open`.
 * @example
 * const { subscribe } = await subscriptionsOf(app);
 */
export async function subscriptionsOf(app: JimsApp): Promise<Subscriptions> {
  const openApp = openAppOf(app);
  const { store, engine } = await openApp.opened();
  const look = (): void => openApp.deliveries.lookSoon();
  return {
    async subscribe(subscription) {
      const result = await store.subscribe(subscription);
      // What this process can send at once comes without a pause.
      const run = engine.find(subscription.chainId);
      void run.then((found) => found?.end).then(look, look);
      return result;
    },
    subscriptions: (of) => store.subscriptions(of),
    unsubscribe: (subscription) => store.unsubscribe(subscription),
  };
}
