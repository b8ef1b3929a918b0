import type { Scenario } from '../lab/lab.ts';
import { killedAndFrozen } from './f03-killed-and-frozen.ts';

export const SCENARIOS: readonly Scenario[] = [killedAndFrozen];
