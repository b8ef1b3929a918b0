import { checkChains, checkEffects } from '../check/chains.ts';
import { readFacts } from '../check/facts.ts';
import { checkIntegrity } from '../check/integrity.ts';
import { checkNothingIsLeft } from '../check/leftovers.ts';
import { readQuestions } from '../check/questions.ts';
import { ChainClient, newChain } from '../lab/chain-client.ts';
import type { Chain } from '../lab/chain-client.ts';
import { KILLS, createKiller } from '../lab/chain-kills.ts';
import type { Cluster } from '../lab/cluster.ts';
import { startEffects } from '../lab/effects.ts';
import { LEASE_S, freshDatabase, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';

const SIZE = 3;
const CONTACTS = 10;
const OPERATORS = ['ann', 'bob'];
const LONG_CHAINS = 1000;
/** Of the long form: how likely a process is killed under a chain, somewhere. */
const KILL_CHANCE = 0.3;
const SHORT_MS = 180_000;
const LONG_MS = 2_400_000;

/** F20: processes are killed between any two commits of chains with five steps and two questions. */
export const killedChains: Scenario = {
  id: 'F20',
  about: 'kill -9 between any two commits of chains with five steps and two questions',
  run: (lab) => onEachStore(lab, SIZE, killUnderChains),
};

async function killUnderChains(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { random, checks } = lab;
  const db = await freshDatabase(lab, store);
  let cluster: Cluster | undefined;
  const killer = createKiller(lab, () => cluster);
  await using effects = await startEffects(killer.hooks);
  const env = { FAULTS_EFFECTS: effects.url };
  await using processes = await startProcesses(lab, {
    db,
    size,
    leaseS: LEASE_S + 1,
    app: 'durable-app.ts',
    env,
  });
  cluster = processes;
  const until = performance.now() + (lab.isLong ? LONG_MS : SHORT_MS);
  const client = (): ChainClient =>
    new ChainClient({ lab, cluster: processes, killer, random: random.fork(), until });

  const chains = new Map<string, Chain>();
  const waiting: Chain[] = [];
  for (let number = 0; number < (lab.isLong ? LONG_CHAINS : KILLS.length); number++) {
    const chain = newChain(number, `${store}-${number % CONTACTS}`);
    chains.set(chain.id, chain);
    waiting.push(chain);
    const kill = lab.isLong ? random.pick(KILLS) : KILLS[number];
    if (kill && (!lab.isLong || random.chance(KILL_CHANCE))) killer.plan(chain.id, kill);
  }
  const byContact = Map.groupBy(waiting, ({ contact }) => contact);
  await Promise.all([
    ...OPERATORS.map((name) => client().approve(name, chains)),
    ...[...byContact.values()].map(async (mine) => {
      const contact = client();
      for (const chain of mine) await contact.converse(chain);
    }),
  ]);
  await killer.settle();

  checkEffects(checks, waiting, effects, killer.victims);
  checkChains(checks, waiting, await readFacts(db), await readQuestions(db));
  await processes.stopAll();
  if (store === 'SQLite') checkIntegrity(checks, db);
  else await checkNothingIsLeft(checks, await lab.postgres());
  const again = effects.visits.filter(({ key, nth }) => key !== undefined && nth > 1).length;
  lab.figure(`${store}: chains`, waiting.length);
  lab.figure(`${store}: killed or frozen`, killer.kills);
  lab.figure(`${store}: steps with keys called again`, again);
}
