import { DatabaseSync } from 'node:sqlite';

import { Client } from 'pg';

import { bare } from './facts.ts';

/** A question as a database holds it. Ids are without hyphens. */
export interface QuestionFact {
  readonly questionId: string;
  readonly chainId: string;
  readonly threadId: string;
  readonly audience: 'contact' | 'service';
  readonly state: string;
  /** The run that went on after it. */
  readonly answeredBy: string | undefined;
}

type Row = readonly (string | null)[];

const COLUMNS = ['question_id', 'chain_id', 'thread_id', 'audience', 'state', 'answered_by'];

/** Reads the questions of a database, oldest first, with the driver and nothing of ours in between. */
export async function readQuestions(url: string): Promise<readonly QuestionFact[]> {
  const rows = url.startsWith('sqlite:')
    ? fromSqlite(url.slice('sqlite:///'.length))
    : await fromPostgres(url);
  return rows.map(([questionId, chainId, threadId, audience, state, answeredBy]) => ({
    questionId: bare(questionId ?? ''),
    chainId: bare(chainId ?? ''),
    threadId: bare(threadId ?? ''),
    audience: audience === 'service' ? 'service' : 'contact',
    state: state ?? '',
    answeredBy: answeredBy ? bare(answeredBy) : undefined,
  }));
}

function fromSqlite(file: string): readonly Row[] {
  using db = new DatabaseSync(file, { timeout: 5000 });
  const sql = `SELECT ${COLUMNS.join(', ')} FROM jims_questions ORDER BY asked_at, question_id`;
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement.all() as unknown as Row[];
}

async function fromPostgres(url: string): Promise<readonly Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const columns = COLUMNS.map((name) => `${name}::text`).join(', ');
    const text = `select ${columns} from jims.questions order by asked_at, question_id`;
    return (await client.query<(string | null)[]>({ text, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}
