import type { Scenario } from '../scenario.ts';
import { chat } from './chat.ts';

/** All scenarios, in the order in which they are run. */
export const scenarios: readonly Scenario[] = [chat];
