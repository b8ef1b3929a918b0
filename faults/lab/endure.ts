import { readFacts } from '../check/facts.ts';
import type { Facts } from '../check/facts.ts';
import { checkInvariants } from '../check/invariants.ts';
import type { CheckOptions } from '../check/invariants.ts';
import { checkNothingIsLeft } from '../check/leftovers.ts';
import type { Cluster } from './cluster.ts';
import { SETTLE_MS, executionsFile } from './lab.ts';
import type { Lab } from './lab.ts';
import type { Message } from './message.ts';
import { talk } from './talk.ts';
import type { TalkOptions } from './talk.ts';

type Talk = Omit<TalkOptions, 'cluster' | 'checks' | 'history' | 'random' | 'settleMs'>;

export interface Ordeal extends CheckOptions {
  readonly cluster: Cluster;
  readonly db: string;
  readonly talk: Talk & Partial<Pick<TalkOptions, 'settleMs' | 'history'>>;
  /** What is done to them in the meantime, all at once. */
  readonly meanwhile: readonly Promise<unknown>[];
  /** What comes before the names of the figures. */
  readonly label?: string;
}

/**
 * Lets contacts talk while something is done to the processes. When all is settled, compares what
 * the contacts got with what is stored, and sees that the processes end and leave nothing.
 */
export async function endure(
  lab: Lab,
  { cluster, db, meanwhile, label = '', ...options }: Ordeal,
): Promise<{ readonly messages: readonly Message[]; readonly facts: Facts }> {
  const { checks, history, random } = lab;
  const given = { cluster, checks, history, random: random.fork(), settleMs: SETTLE_MS };
  const [messages] = await Promise.all([talk({ ...given, ...options.talk }), ...meanwhile]);
  const facts = await readFacts(db);
  checkInvariants(checks, messages, facts, { executions: executionsFile(lab), ...options });
  await cluster.stopAll();
  if (!db.startsWith('sqlite:')) await checkNothingIsLeft(checks, await lab.postgres());
  lab.figure(`${label}messages`, messages.length);
  lab.figure(`${label}run again`, facts.runs.filter(({ attempt }) => attempt > 1).length);
  return { messages, facts };
}
