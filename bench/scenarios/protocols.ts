import { contest, ratioOf, summary } from '../contest.ts';
import { openHttpConnection } from '../load/http-connection.ts';
import { PROTOCOLS } from '../load/protocols.ts';
import type { ProtocolName } from '../load/protocols.ts';
import { loadRequest } from '../load/requests.ts';
import { startOurs } from '../programs/ours.ts';
import type { Program } from '../programs/program.ts';
import type { Row, Scenario } from '../scenario.ts';
import { newDatabase } from '../stores/new-database.ts';

/** What the other protocols cost beside our own, on the same server. */
export const protocols: Scenario = {
  name: 'protocols',
  about: 'Each other protocol against POST /api/v1/chat, on SQLite',
  async run(bench) {
    const rows: Row[] = [];
    for (const protocol of Object.keys(PROTOCOLS) as ProtocolName[]) {
      if (protocol === 'jims') continue;
      bench.note(`protocols, ${protocol}`);
      const database = await newDatabase(bench, 'SQLite');
      await using program = await startOurs(bench, { database });
      if (!(await isServed(program, protocol))) {
        rows.push({ figure: `protocol ${protocol}`, ours: 'is not served' });
        continue;
      }
      const [native = [], other = []] = await contest(bench, [
        { program, contacts: 'new' },
        { program, contacts: 'new', protocol },
      ]);
      rows.push({
        figure: `protocol ${protocol} (floor: our own)`,
        ours: summary(other),
        floor: summary(native),
        ratio: ratioOf(other, native, (round) => round.perSecond),
      });
    }
    return rows;
  },
};

async function isServed(program: Program, protocol: ProtocolName): Promise<boolean> {
  const http = await openHttpConnection(program.port);
  const contacts = { kind: 'new', prefix: 'is-it-served-' } as const;
  const { path, body } = loadRequest({ protocol, contacts }, { n: 0, connection: 0 });
  const { status } = await http.post(path, body);
  http.close();
  return status !== 404;
}
