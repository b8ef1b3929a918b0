import type { Scenario } from '../lab/lab.ts';
import { killedOnSqlite } from './f01-killed-sqlite.ts';
import { killedAndFrozen } from './f03-killed-and-frozen.ts';
import { databaseDown } from './f04-database-down.ts';
import { doubleTexting } from './f06-double-texting.ts';
import { bodyFuzz } from './f13-body-fuzz.ts';

export const SCENARIOS: readonly Scenario[] = [
  killedOnSqlite,
  killedAndFrozen,
  databaseDown,
  doubleTexting,
  bodyFuzz,
];
