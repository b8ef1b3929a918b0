import type { JimsApp } from 'jims-core';
import { sendDeliveriesBy } from 'jims-core/host';

import type { ApiContext, DeliveryTarget, Protocol } from '../http/route.ts';
import type { Webhooks } from '../http/webhooks/webhooks.ts';
import { PROTOCOLS } from '../protocols/registry.ts';
import type { ProtocolEntry, ProtocolName } from '../protocols/registry.ts';

/** An API that sends deliveries. */
interface Sender {
  readonly api: ApiContext;
  readonly webhooks: Webhooks;
}

/** The newest first; of several with the same options one. */
type Senders = readonly [Sender, ...Sender[]];

/** The APIs of each app that send deliveries of a protocol. */
const senders = new WeakMap<JimsApp, Map<ProtocolName, Senders>>();

/** Sends what becomes of runs to those who subscribed to it by one of these protocols, while the app is open. */
export function sendDeliveries(
  api: ApiContext,
  names: readonly ProtocolName[],
  load: (entry: ProtocolEntry) => Promise<Protocol>,
): void {
  const { app, webhooks } = api;
  if (!webhooks) return;
  const ofApp = senders.get(app) ?? new Map<ProtocolName, Senders>();
  senders.set(app, ofApp);
  for (const name of names) {
    const entry: ProtocolEntry = PROTOCOLS[name];
    if (entry.delivers !== true) continue;
    const others = ofApp.get(name)?.filter((each) => !each.webhooks.isLike(webhooks)) ?? [];
    const all: Senders = [{ api, webhooks }, ...others];
    ofApp.set(name, all);
    sendDeliveriesBy(app, name, async (delivery, signal) => {
      const { delivering } = await load(entry);
      if (!delivering) return { kind: 'outdated' };
      const sender = senderTo(delivering.target(delivery.subscription), all);
      const message = await delivering.message(sender.api, delivery);
      if (!message) return { kind: 'outdated' };
      return sender.webhooks.send(message, { id: delivery.deliveryId, signal });
    });
  }
}

/** The API that took the subscription; when its options have changed since, one that may send there. */
function senderTo({ url, sender }: DeliveryTarget, all: Senders): Sender {
  const named = all.find(({ webhooks }) => webhooks.names.some((name) => name === sender));
  return named ?? all.find(({ webhooks }) => webhooks.refusalOf(url) === undefined) ?? all[0];
}
