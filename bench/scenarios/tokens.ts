import { fileURLToPath } from 'node:url';

import { STREAM_PROTOCOLS, readStreams } from '../load/token-streams.ts';
import type { StreamProtocolName } from '../load/token-streams.ts';
import { median, rounded } from '../numbers.ts';
import { cpuMs } from '../process-usage.ts';
import { startTokenFloor } from '../programs/floor.ts';
import { startOurs } from '../programs/ours.ts';
import type { Program } from '../programs/program.ts';
import { chosenProtocols, verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { newDatabase } from '../stores/new-database.ts';
import type { Pace } from '../tokens.ts';

const APP = fileURLToPath(new URL('../apps/tokens.ts', import.meta.url));
/** Of the native stream to the floor. */
const TARGETS: Readonly<Record<Pace, number>> = { burst: 1, model: 1.3 };
const PROTOCOL_TARGET = 1.3;
const WARM_UP_SECONDS = 1;

/** A program that streams, in one protocol. */
interface Contestant {
  readonly program: Program;
  readonly protocol: StreamProtocolName;
}

interface Round {
  /** CPU time of the program for one token, in microseconds. */
  readonly cpuUs: number;
  readonly perSecond: number;
}

/** What a token costs on its way from the pipeline to the clients. */
export const tokens: Scenario = {
  name: 'tokens',
  about: 'Streamed tokens: the native stream against a floor, the other protocols against it',
  async run(bench) {
    const database = await newDatabase(bench, 'SQLite');
    await using floor = await startTokenFloor(bench, database);
    await using ours = await startOurs(bench, { database, app: APP });
    const names = ['jims', ...chosenProtocols(bench, STREAM_PROTOCOLS)] as const;
    const contestants = [
      { program: floor, protocol: 'jims' } as const,
      ...names.map((protocol) => ({ program: ours, protocol })),
    ];
    const rows: Row[] = [];
    for (const pace of ['burst', 'model'] as const) {
      bench.note(`tokens, ${pace}`);
      const [floorRounds = [], ...ourRounds] = await takeTurns(bench, contestants, pace);
      names.forEach((name, index) => {
        const [native = [], own = []] = [ourRounds[0], ourRounds[index]];
        rows.push(report(name, pace, own, name === 'jims' ? floorRounds : native));
      });
    }
    return rows;
  },
};

async function takeTurns(
  bench: Bench,
  contestants: readonly Contestant[],
  pace: Pace,
): Promise<readonly (readonly Round[])[]> {
  const results: Round[][] = contestants.map(() => []);
  for (let round = 0; round <= bench.rounds; round++) {
    for (const [index, { program, protocol }] of contestants.entries()) {
      const seconds = round === 0 ? WARM_UP_SECONDS : bench.seconds;
      const { connections } = bench;
      const [cpuBefore, startedAt] = [cpuMs(program.pid), performance.now()];
      const count = await readStreams({
        port: program.port,
        protocol,
        pace,
        connections,
        seconds,
      });
      const perSecond = (count * 1000) / (performance.now() - startedAt);
      const cpuUs = ((cpuMs(program.pid) - cpuBefore) * 1000) / count;
      if (round > 0) results[index]?.push({ cpuUs, perSecond });
    }
  }
  return results;
}

function report(
  name: StreamProtocolName,
  pace: Pace,
  own: readonly Round[],
  floor: readonly Round[],
): Row {
  const ratio = median(own.map(({ cpuUs }, index) => cpuUs / (floor[index]?.cpuUs ?? cpuUs)));
  const target = name === 'jims' ? TARGETS[pace] : PROTOCOL_TARGET;
  return {
    figure: `tokens, ${pace}, ${name}${name === 'jims' ? '' : ' (floor: jims)'}`,
    ours: summary(own),
    floor: summary(floor),
    ratio,
    target: `<= ${target}`,
    verdict: verdict(ratio <= target),
  };
}

function summary(rounds: readonly Round[]): string {
  const cpu = rounded(median(rounds.map(({ cpuUs }) => cpuUs)));
  const perSecond = rounded(median(rounds.map((round) => round.perSecond)));
  return `CPU ${cpu} µs a token, ${perSecond}/s`;
}
