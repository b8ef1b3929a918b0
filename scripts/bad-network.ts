// npm run bad-network -- [CONVERSATIONS] [SEED]: conversations of jims-client over a network that cuts,
// delays, doubles, garbles and refuses, with a service that is killed and started again meanwhile. Each
// must show every message once, in the order of the log.
import { setTimeout as sleep } from 'node:timers/promises';

import { badProxy } from '../packages/jims-client/test/support/bad-proxy.ts';
import { converse } from '../packages/jims-client/test/support/conversations.ts';
import { runService } from '../packages/jims-client/test/support/running-service.ts';
import { seeded } from '../packages/jims-client/test/support/seeded.ts';

const count = Number(process.argv[2] ?? 100);
const seed = Number(process.argv[3] ?? Date.now());
const AT_ONCE = 30;
const RESTART_EVERY_MS = 15_000;

for (const mode of ['plain', 'durable'] as const) {
  const began = performance.now();
  await using service = await runService(mode);
  const random = seeded(seed);
  await using proxy = await badProxy(service.origin, { percent: 25, random });
  let restarts = 0;
  const over = new AbortController();
  const restarting = (async () => {
    while (!over.signal.aborted) {
      await sleep(RESTART_EVERY_MS, undefined, { signal: over.signal }).catch(() => {});
      if (over.signal.aborted) return;
      await service.restart(restarts % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      restarts++;
    }
  })();
  const half = mode === 'plain' ? Math.ceil(count / 2) : Math.floor(count / 2);
  let next = 0;
  let failed = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let index = next++; index < half; index = next++) {
        const contactId = `${mode}-${index}`;
        try {
          await converse({
            url: proxy.origin,
            service: service.origin,
            contactId,
            random,
            isDurable: mode === 'durable',
          });
        } catch (error) {
          failed++;
          console.error(`${contactId}:`, error);
        }
      }
    }),
  );
  over.abort();
  await restarting;
  const faults = [...proxy.happened].map(([name, times]) => `${name} ${times}`).toSorted();
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(
    `${mode}: ${half} conversations, ${failed} wrong, ${restarts} restarts, ${seconds} s`,
  );
  console.log(`  ${faults.join(', ')}`);
  if (failed > 0) process.exitCode = 1;
}
console.log(`seed ${seed}`);
