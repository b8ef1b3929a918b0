import type { Scenario } from '../lab/lab.ts';
import { killedOnSqlite } from './f01-killed-sqlite.ts';
import { powerLoss } from './f02-power-loss.ts';
import { killedAndFrozen } from './f03-killed-and-frozen.ts';
import { databaseDown } from './f04-database-down.ts';
import { rollingRestart } from './f05-rolling-restart.ts';
import { doubleTexting } from './f06-double-texting.ts';
import { firstMessages } from './f07-first-messages.ts';
import { besideTheOriginal } from './f08-beside-the-original.ts';
import { clockJumps } from './f09-clock-jumps.ts';
import { idempotency } from './f10-idempotency.ts';
import { cutsAndJoins } from './f11-cuts-and-joins.ts';
import { slowClients } from './f12-slow-clients.ts';
import { bodyFuzz } from './f13-body-fuzz.ts';
import { diskFull } from './f14-disk-full.ts';
import { hostilePipelines } from './f15-hostile-pipelines.ts';
import { modelOfRuns } from './f16-model.ts';
import { callers } from './f17-callers.ts';
import { attemptsAndShares } from './f18-attempts-and-shares.ts';
import { largeAndErased } from './f19-large-and-erased.ts';
import { killedChains } from './f20-killed-chains.ts';
import { durableRestarts } from './f21-durable-restarts.ts';
import { poison } from './f22-poison.ts';
import { stepAgainstTakeover } from './f23-step-against-takeover.ts';
import { recoveredAtStart } from './f24-recovered-at-start.ts';
import { replays } from './f25-replays.ts';
import { killedUnderFiles } from './f26-files.ts';
import { killedUnderTools } from './f27-tools.ts';
import { rulesOfWhatIsSaid } from './f28-said.ts';

export const SCENARIOS: readonly Scenario[] = [
  killedOnSqlite,
  powerLoss,
  killedAndFrozen,
  databaseDown,
  rollingRestart,
  doubleTexting,
  firstMessages,
  besideTheOriginal,
  clockJumps,
  idempotency,
  cutsAndJoins,
  slowClients,
  bodyFuzz,
  diskFull,
  hostilePipelines,
  modelOfRuns,
  callers,
  attemptsAndShares,
  largeAndErased,
  killedChains,
  durableRestarts,
  poison,
  stepAgainstTakeover,
  recoveredAtStart,
  replays,
  killedUnderFiles,
  killedUnderTools,
  rulesOfWhatIsSaid,
];
