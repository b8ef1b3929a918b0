import { contest, ratioOf, summary } from '../contest.ts';
import { openHttpConnection } from '../load/http-connection.ts';
import { PROTOCOLS } from '../load/protocols.ts';
import type { ProtocolName } from '../load/protocols.ts';
import { loadRequest } from '../load/requests.ts';
import { startOurs } from '../programs/ours.ts';
import type { Program } from '../programs/program.ts';
import { chosenProtocols, verdict } from '../scenario.ts';
import type { Row, Scenario } from '../scenario.ts';
import { newDatabase } from '../stores/new-database.ts';

/** Of CPU time, to our own. */
const TARGET = 1.3;

/** What the other protocols cost beside our own, on the same server. */
export const protocols: Scenario = {
  name: 'protocols',
  about: 'Each other protocol against POST /api/v1/chat, by CPU time, on SQLite',
  async run(bench) {
    const database = await newDatabase(bench, 'SQLite');
    await using program = await startOurs(bench, { database });
    const names = chosenProtocols(bench, PROTOCOLS);
    for (const protocol of names) await requireServed(program, protocol);
    const [native = [], ...others] = await contest(bench, [
      { program, contacts: 'new' },
      ...names.map((protocol) => ({ program, contacts: 'new', protocol }) as const),
    ]);
    return names.map((name, index): Row => {
      const other = others[index] ?? [];
      const ratio = ratioOf(other, native, ({ cpuUs }) => cpuUs);
      return {
        figure: `protocol ${name} (floor: our own)`,
        ours: summary(other),
        floor: summary(native),
        ratio,
        target: `<= ${TARGET}`,
        verdict: verdict(ratio <= TARGET),
      };
    });
  },
};

async function requireServed(program: Program, protocol: ProtocolName): Promise<void> {
  const http = await openHttpConnection(program.port);
  const contacts = { kind: 'new', prefix: 'is-it-served-' } as const;
  const request = loadRequest({ protocol, contacts }, { n: 0, connection: 0 });
  request.check(await http.post(request.path, request.body, request.headers));
  http.close();
}
