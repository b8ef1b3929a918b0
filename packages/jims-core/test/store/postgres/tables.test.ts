import assert from 'node:assert/strict';
import { test } from 'node:test';

import { INDEXES, ORIGINAL_TABLES } from '../../../src/store/postgres/tables.ts';

test('each statement of the files makes one table or index, which it names', () => {
  assert.deepEqual(
    ORIGINAL_TABLES.map(({ name, table }) => [name, table]),
    [
      ['threads', 'threads'],
      ['thread_events', 'thread_events'],
    ],
  );
  assert.deepEqual(
    INDEXES.map(({ name, table }) => [name, table]),
    [
      ['ix_threads_contact_id', 'threads'],
      ['ix_threads_external_id', 'threads'],
      ['jims_thread_events_order', 'thread_events'],
      ['jims_threads_contact_order', 'threads'],
      ['jims_threads_order', 'threads'],
      ['jims_threads_external', 'threads'],
    ],
  );
  for (const { sql } of [...ORIGINAL_TABLES, ...INDEXES]) assert.match(sql, /^create [^;]+[^;\s]$/);
});
