import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { startFakeOpenAI } from '../../packages/jims-core/test/support/fake-openai/fake-openai.mjs';
import { readFacts } from '../check/facts.ts';
import { checkShopping } from '../check/shopping.ts';
import { NEVER, askDoomed, askUntilDone, deathsOf } from '../lab/deaths.ts';
import type { Asking, Death, Grounds } from '../lab/deaths.ts';
import { startEffects } from '../lab/effects.ts';
import { LEASE_S, SETTLE_MS, freshDatabase, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';
import { Shopper } from '../lab/shopper.ts';
import { untilEnded } from '../lab/until-ended.ts';

const SIZE = 3;

/** F27: processes die at each moment of a loop of a model with tools, one of which is approved. */
export const killedUnderTools: Scenario = {
  id: 'F27',
  about: 'processes die between any two commits of a loop with tools and an approval',
  run: (lab) => onEachStore(lab, SIZE, killUnderTools),
};

interface Stage extends Grounds {
  readonly store: StoreName;
  readonly shoppers: Shopper[];
}

async function killUnderTools(lab: Lab, store: StoreName, size: number): Promise<void> {
  const db = await freshDatabase(lab, store);
  const folder = join(lab.folder, `moments-${store}`);
  mkdirSync(folder);
  await using model = await startFakeOpenAI();
  await using effects = await startEffects();
  await using cluster = await startProcesses(lab, {
    db,
    size,
    leaseS: LEASE_S,
    app: 'said-app.ts',
    env: {
      FAULTS_MOMENTS: folder,
      FAULTS_EFFECTS: effects.url,
      MODEL: 'gpt-of-the-shop',
      OPENAI_BASE_URL: model.baseURL,
      OPENAI_API_KEY: 'none',
    },
  });
  const stage: Stage = { lab, store, cluster, folder, shoppers: [] };
  // The first one tells how many moments there are before the question, and after the answer.
  const moments = await shop(stage, 0, [NEVER, NEVER]);
  const left = [
    ...deathsOf(lab, moments[0]).map((death) => [death, NEVER] as const),
    ...deathsOf(lab, moments[1]).map((death) => [NEVER, death] as const),
  ];
  await Promise.all(
    Array.from({ length: size }, async (_, slot) => {
      for (let each = left.shift(); each; each = left.shift()) await shop(stage, slot, each);
    }),
  );
  await untilEnded(db, performance.now() + SETTLE_MS);
  const facts = await readFacts(db);
  checkShopping(lab.checks, stage.shoppers, { requests: model.requests, effects, facts });
  await cluster.stopAll();
  lab.figure(`${store}: runs`, stage.shoppers.length);
  lab.figure('died under them', stage.shoppers.filter(({ deaths }) => deaths > 0).length);
  lab.figure('calls of the model', model.requests.length);
}

/** Resolves with how many moments there were before the question, and after the answer. */
async function shop(
  stage: Stage,
  slot: number,
  [first, second]: readonly [Death, Death],
): Promise<readonly [number, number]> {
  const { store, shoppers, lab } = stage;
  const shopper = new Shopper(`${store}-${shoppers.length}`);
  shoppers.push(shopper);
  lab.history.write({ what: 'shop', id: shopper.id, first, second });
  const asked = await say(stage, slot, shopper, [(server) => shopper.begin(server), first]);
  const ended = await say(stage, slot, shopper, [(server) => shopper.approve(server), second]);
  // Once more, with what the log has of the tools.
  await askUntilDone(stage, slot, (server) => shopper.goOn(server));
  return [asked, ended];
}

async function say(
  stage: Stage,
  slot: number,
  shopper: Shopper,
  [asking, death]: readonly [Asking, Death],
): Promise<number> {
  const { reply, isDead, used } = await askDoomed(stage, slot, asking, death);
  if (isDead) {
    shopper.deaths++;
    await stage.cluster.start(slot);
  }
  if (reply?.status !== 200) await askUntilDone(stage, slot, asking);
  return used;
}
