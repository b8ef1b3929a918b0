import type { Mutant } from './mutant.ts';

const CORE = 'packages/jims-core/src';
const SQLITE = `${CORE}/store/sqlite`;
const POSTGRES = `${CORE}/store/postgres`;

/** How much is read and kept at once, and that what is erased is gone. */
export const SIZE_MUTANTS: readonly Mutant[] = [
  {
    name: 'sqlite-page-of-any-size',
    about: 'A page of events is bounded by their number alone',
    changes: [
      {
        file: `${SQLITE}/log-reads.ts`,
        from: 'events.length > 0 && (bytes > maxBytes || events.length >= limit)',
        to: 'events.length > 0 && events.length >= limit',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'sqlite-list-of-any-size',
    about: 'A list of threads, and the end of a log, are bounded by their number alone',
    changes: [
      {
        file: `${SQLITE}/rows.ts`,
        from: 'if (taken.length > 0 && (bytes > maxBytes || taken.length >= limit)) {',
        to: 'if (taken.length > 0 && taken.length >= limit) {',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'pg-page-of-any-size',
    about: 'A page of events is bounded by their number alone',
    changes: [
      {
        file: `${POSTGRES}/sql/events.sql`,
        from: 'v_is_full := v_taken > 0 and (v_taken >= p_limit or v_bytes > p_max_bytes);',
        to: 'v_is_full := v_taken > 0 and v_taken >= p_limit;',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'pg-list-of-any-size',
    about: 'A list of threads is bounded by their number alone',
    changes: [
      {
        file: `${POSTGRES}/sql/bounded.sql`,
        from: 'more := v_taken > 0 and (v_taken >= p_limit or v_bytes > p_max_bytes);',
        to: 'more := v_taken > 0 and v_taken >= p_limit;',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'thread-loaded-whole',
    about: 'A run loads all of its thread',
    changes: [
      {
        file: `${CORE}/run/event-cache.ts`,
        from: 'const maxBytes = this.#maxThreadSize;',
        to: 'const maxBytes = 2 ** 40;',
      },
      {
        file: `${CORE}/run/cached-thread.ts`,
        from: '    if (this.#size > this.#maxSize) this.#cutBeginning();\n',
        to: '',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'states-left-out',
    about: 'A run loads of a large thread its end, and not its states',
    changes: [
      {
        file: `${CORE}/store/read-tail.ts`,
        from: 'states: await source.statesBefore(oldest, types)',
        to: 'states: types.size < 0 ? await source.statesBefore(oldest, types) : []',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'deleted-while-read',
    about: 'What was deleted while it was read is kept in memory',
    changes: [
      {
        file: `${CORE}/run/event-cache.ts`,
        from: '    if (reading.isDeleted) return logOf(tail);\n',
        to: '',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'tails-poll',
    about: 'Each tail looks for what is new from time to time',
    changes: [
      {
        file: `${CORE}/app/thread-feed.ts`,
        from: 'if (!isAborted(signal)) await news.promise;',
        to: 'if (!isAborted(signal)) await new Promise((resolve) => setTimeout(resolve, 500));',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'purge-in-one-batch',
    about: 'Of what is too old one batch is removed at a time',
    changes: [
      {
        file: `${CORE}/run/retention.ts`,
        from: '    return more;\n',
        to: '    return false;\n',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'sqlite-erased-stays',
    about: 'What is erased is not overwritten in the file',
    changes: [
      {
        file: `${SQLITE}/open-database.ts`,
        from: 'PRAGMA secure_delete = ON;',
        to: 'PRAGMA secure_delete = OFF;',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'sqlite-log-stays',
    about: 'The log beside the file keeps what is erased',
    changes: [
      {
        file: `${SQLITE}/retention.ts`,
        from: '    if (ids.length > 0 || files > 0) this.#leaveNothing();\n',
        to: '',
      },
    ],
    scenarios: ['F19'],
  },
  {
    name: 'sqlite-run-without-question',
    about: 'A run that never had a question counts as one whose question is stored',
    changes: [
      {
        file: `${SQLITE}/runs.ts`,
        from: 'WHERE run_id = ? AND incoming_type IS NOT NULL',
        to: 'WHERE run_id = ?',
      },
    ],
    scenarios: ['F19'],
  },
];
