import { sendDeliveriesBy } from 'jims-core/host';

import type { ApiContext, Protocol } from '../http/route.ts';
import { PROTOCOLS } from '../protocols/registry.ts';
import type { ProtocolEntry, ProtocolName } from '../protocols/registry.ts';

/** Sends what becomes of runs to those who subscribed to it by one of these protocols, while the app is open. */
export function sendDeliveries(
  api: ApiContext,
  names: readonly ProtocolName[],
  load: (entry: ProtocolEntry) => Promise<Protocol>,
): void {
  const { app, webhooks } = api;
  if (!webhooks) return;
  for (const name of names) {
    const entry: ProtocolEntry = PROTOCOLS[name];
    if (entry.delivers !== true) continue;
    sendDeliveriesBy(app, name, async (delivery, signal) => {
      const { toDeliver } = await load(entry);
      const message = await toDeliver?.(api, delivery);
      if (!message) return { kind: 'outdated' };
      return webhooks.send(message, { id: delivery.deliveryId, signal });
    });
  }
}
