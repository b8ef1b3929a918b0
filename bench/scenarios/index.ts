import type { Scenario } from '../scenario.ts';
import { chat } from './chat.ts';
import { delta } from './delta.ts';
import { latency } from './latency.ts';
import { length } from './length.ts';
import { processes } from './processes.ts';
import { protocols } from './protocols.ts';
import { start } from './start.ts';
import { steps } from './steps.ts';
import { streams } from './streams.ts';
import { threads } from './threads.ts';
import { tokens } from './tokens.ts';

/** All scenarios, in the order in which they are run. */
export const scenarios: readonly Scenario[] = [
  start,
  chat,
  steps,
  length,
  threads,
  latency,
  delta,
  tokens,
  streams,
  processes,
  protocols,
];
