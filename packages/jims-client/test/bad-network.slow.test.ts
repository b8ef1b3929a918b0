// A short run of what `npm run bad-network` does at length.
import { describe, test } from 'node:test';

import { badProxy } from './support/bad-proxy.ts';
import { converse } from './support/conversations.ts';
import { runService } from './support/running-service.ts';
import { seeded } from './support/seeded.ts';

describe('over a bad network', () => {
  for (const mode of ['plain', 'durable'] as const) {
    test(`every message is there once, in order, while the service is killed (${mode})`, async () => {
      await using service = await runService(mode);
      const random = seeded(Math.floor(Math.random() * 2 ** 32));
      await using proxy = await badProxy(service.origin, { percent: 25, random });
      const talks = Array.from({ length: 6 }, (_, index) =>
        converse({
          url: proxy.origin,
          service: service.origin,
          contactId: `c${index}`,
          random,
          isDurable: mode === 'durable',
        }),
      );
      await Promise.race([...talks.slice(0, 1), ...talks.slice(1, 2)]);
      await service.restart('SIGKILL');
      await Promise.all(talks);
    });
  }
});
