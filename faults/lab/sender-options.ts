import type { Checks } from '../check/checks.ts';
import type { Cluster } from './cluster.ts';
import type { History } from './history.ts';
import type { Random } from './random.ts';

/** How a client behaves, and what it reports to. */
export interface SenderOptions {
  readonly cluster: Pick<Cluster, 'pick'>;
  readonly checks: Checks;
  readonly history: History;
  readonly random: Random;
  /** How long a try may take at most before the client leaves and tries another process. */
  readonly patienceMs: number;
  /** How likely a stream is left after a frame, to be joined again. */
  readonly cutChance?: number;
}
