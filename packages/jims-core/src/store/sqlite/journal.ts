import type { DatabaseSync } from 'node:sqlite';

import type { JsonObject } from '../../thread/event.ts';
import type { EntryOutcome, JournalEntry, ReadBounds } from '../store.ts';
import {
  fromHex,
  jsonOrNull,
  listParameter,
  parseStoredObject,
  toHex,
  valueOf,
} from './columns.ts';
import { boundedRows, prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';

type EntryRow = readonly [
  seq: number,
  part: JournalEntry['part'],
  kind: JournalEntry['kind'],
  name: string,
  nth: number,
  call: number,
  input: string | null,
  outcome: EntryOutcome['kind'],
  result: string | null,
  usage: string | null,
  at: number,
  runId: string,
  attempt: number,
  version: string | null,
];

const COLUMNS = `seq, part, kind, name, nth, call, input, outcome, result, usage, at, run_id, attempt,
       version`;

const SQL = {
  insert: `INSERT INTO jims_journal (chain_id, ${COLUMNS})
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  isSame: sql<readonly [number]>(
    `SELECT run_id = ?3 AND attempt = ?4 FROM jims_journal WHERE chain_id = ?1 AND seq = ?2`,
  ),
  load: sql<EntryRow>(`SELECT ${COLUMNS} FROM jims_journal WHERE chain_id = ? ORDER BY seq`),
  newest: sql<readonly [version: string | null]>(
    'SELECT version FROM jims_journal WHERE chain_id = ? ORDER BY seq DESC LIMIT 1',
  ),
  nextChain: sql<readonly [chainId: string]>(
    'SELECT chain_id FROM jims_journal WHERE chain_id > ? ORDER BY chain_id LIMIT 1',
  ),
  sizes: sql<readonly [rowId: number, bytes: number]>(
    `SELECT rowid, coalesce(octet_length(result), 0) FROM jims_journal
     WHERE chain_id IN (SELECT value FROM json_each(?))`,
  ),
  remove: 'DELETE FROM jims_journal WHERE rowid IN (SELECT value FROM json_each(?))',
};

/** How much of journals was removed. */
export interface DeletedEntries {
  readonly rows: number;
  readonly bytes: number;
  /** Whether some are left. */
  readonly more: boolean;
}

/** The rows of `jims_journal`: the results of durable runs. Call writes inside a transaction. */
export class JournalRows {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  /** Adds entries of one run. Those that it has added before are left as they are. */
  add(chainId: string, entries: readonly JournalEntry[]): void {
    const chain = toHex(chainId);
    for (const entry of entries) {
      const { changes } = this.#sql.insert.run(chain, ...rowOf(entry));
      if (changes === 0) this.#requireSame(chain, entry);
    }
  }

  load(chainId: string): readonly JournalEntry[] {
    return this.#sql.load.all(toHex(chainId)).map(toEntry);
  }

  /** The newest entry of a chain, as far as its version goes. */
  newest(chainId: string): { readonly version: string | undefined } | undefined {
    const row = this.#sql.newest.get(toHex(chainId));
    return row && { version: row[0] ?? undefined };
  }

  /** The first chain with entries after this one, both as they are stored. */
  nextChain(after: string): string | undefined {
    return this.#sql.nextChain.get(after)?.[0];
  }

  /** Removes entries of these chains, given as they are stored, within the bounds. */
  deleteSome(chainIds: readonly string[], bounds: Required<ReadBounds>): DeletedEntries {
    const all = this.#sql.sizes.iterate(listParameter(chainIds));
    const { rows, more } = boundedRows(all, bounds, ([, bytes]) => bytes);
    if (rows.length > 0) this.#sql.remove.run(JSON.stringify(rows.map(([rowId]) => rowId)));
    return { rows: rows.length, more, bytes: rows.reduce((sum, [, bytes]) => sum + bytes, 0) };
  }

  #requireSame(chain: string, { seq, runId, attempt }: JournalEntry): void {
    if (this.#sql.isSame.get(chain, seq, toHex(runId), attempt)?.[0] === 1) return;
    throw new Error(`Entry ${seq} of chain ${fromHex(chain)} is another attempt's`);
  }
}

function rowOf(entry: JournalEntry): EntryRow {
  const { seq, part, kind, name, nth, call, input, outcome, usage, at, runId } = entry;
  return [
    seq,
    part,
    kind,
    name,
    nth,
    call,
    input ?? null,
    outcome.kind,
    resultOf(outcome),
    jsonOrNull(usage),
    at,
    toHex(runId),
    entry.attempt,
    entry.version ?? null,
  ];
}

function resultOf(outcome: EntryOutcome): string | null {
  switch (outcome.kind) {
    case 'value':
      return outcome.json ?? null;
    case 'error':
      return JSON.stringify(outcome.error);
    case 'asked':
      return toHex(outcome.questionId);
  }
}

function toEntry(row: EntryRow): JournalEntry {
  const [seq, part, kind, name, nth, call, input, outcome, result, usage, at, runId] = row;
  const [, , , , , , , , , , , , attempt, version] = row;
  return {
    seq,
    part,
    kind,
    name,
    nth,
    call,
    ...(input !== null && { input }),
    outcome: toOutcome(outcome, result),
    ...(usage !== null && { usage: valueOf(usage) as readonly JsonObject[] }),
    at,
    runId: fromHex(runId),
    attempt,
    ...(version !== null && { version }),
  };
}

function toOutcome(kind: EntryOutcome['kind'], result: string | null): EntryOutcome {
  switch (kind) {
    case 'value':
      return { kind, json: result ?? undefined };
    case 'error':
      return { kind, error: parseStoredObject(result) };
    case 'asked':
      return { kind, questionId: fromHex(result ?? '') };
  }
}
