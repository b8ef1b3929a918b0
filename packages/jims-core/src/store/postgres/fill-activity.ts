import type { Client } from 'pg';

import type { Logger } from '../../telemetry/logger.ts';
import { inSchemas } from './schemas.ts';
import type { Schemas } from './schemas.ts';

/** Few enough that a writer, who may wait for one of them, does not wait long. */
const PIECE_THREADS = 500;

/**
 * Makes what lists show of the threads that were there before this version, in pieces that keep nobody
 * waiting. It goes on where a process that ended in the middle was; several may do so at once.
 */
export async function fillActivity(
  client: Client,
  schemas: Schemas,
  logger: Logger,
): Promise<void> {
  const next = inSchemas(schemas, 'select jims.backfill_activity($1) as done');
  const find = `select from jims.backfills where name = 'activity' and not is_done`;
  const { rowCount } = await client.query(inSchemas(schemas, find));
  if (rowCount === 0) return;
  logger.info({}, 'Looking at all threads once, for lists by activity; writers need not wait');
  for (;;) {
    const { rows } = await client.query<{ done: boolean }>(next, [PIECE_THREADS]);
    if (rows[0]?.done !== false) return;
  }
}
