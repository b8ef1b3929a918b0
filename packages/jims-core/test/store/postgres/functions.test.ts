import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openStore } from '../../../src/store/open-store.ts';
import { callSql } from '../../../src/store/postgres/functions.ts';
import { freshDatabase, withClient } from '../../support/postgres.ts';

const PURGE = [
  'idle_ms',
  'runs_ms',
  'progress_ms',
  'batch',
  'look_at',
  'created_at',
  'id',
] as const;

test('arguments are sent in the order of the parameters, whatever their own order is', () => {
  const args = Object.fromEntries(PURGE.map((name, index) => [name, index]).toReversed());
  assert.deepEqual(callSql('jims', { name: 'purge', args }), {
    sql: '"jims".purge($1, $2, $3, $4, $5, $6, $7)',
    values: [0, 1, 2, 3, 4, 5, 6],
  });
});

test('a call that comes after other parameters is numbered from there on', () => {
  const args = { ids: ['1'], limit: 5 };
  const { sql } = callSql('a "b"', { name: 'erase_some', args }, 4);
  assert.equal(sql, '"a ""b""".erase_some($4, $5)');
});

test('an argument that is left out is null; one that the function does not take is refused', () => {
  const { values } = callSql('jims', { name: 'erase_some', args: { limit: 5 } });
  assert.deepEqual(values, [undefined, 5]);
  assert.throws(() => callSql('jims', { name: 'erase_some', args: { limits: 5 } }), TypeError);
  assert.throws(() => callSql('jims', { name: 'erase_all', args: {} }), TypeError);
});

test('the parameters are those of the database', async () => {
  await using database = await freshDatabase();
  await (await openStore(database.url)).close();
  const { rows } = await withClient(database.url, (client) =>
    client.query<{ name: string; parameters: readonly string[] }>(
      `select proname::text as name, array(
         select substr(parameter, 3) from unnest(proargnames) as parameter where parameter ~ '^p_'
       ) as parameters
       from pg_proc where pronamespace = 'jims'::regnamespace
         and proname in ('open_thread', 'append_to_thread', 'list_threads', 'page_events',
           'newest_events', 'take_threads', 'erase_some', 'accept_run', 'append_in_run', 'finish_run',
           'abandon_request', 'request_cancel', 'reap_runs', 'purge', 'store_entries', 'load_chain',
           'release_run', 'retry_run', 'list_questions', 'purge_chains', 'list_overviews',
           'thread_overview', 'take_unindexed', 'put_words', 'set_feedback', 'list_feedback',
           'begin_file', 'complete_file', 'list_files', 'drop_contact_files', 'files_to_erase',
           'accept_with_files', 'list_runs', 'list_runs_of', 'runs_of_events', 'forget_threads', 'subscribe',
           'take_deliveries', 'end_delivery',
           'bring_in_noted')`,
    ),
  );
  for (const { name } of rows) {
    const forms = rows.filter((row) => row.name === name);
    const fits = forms.filter(({ parameters }) => {
      const args = Object.fromEntries(parameters.map((each) => [each, each]));
      try {
        return callSql('jims', { name, args }).values.join() === parameters.join();
      } catch {
        return false;
      }
    });
    assert.equal(fits.length, 1, name);
  }
  assert.equal(new Set(rows.map(({ name }) => name)).size, 40);
});
