import type { Mutant } from './mutant.ts';

const STORE = 'packages/jims-core/src/store/postgres';
const RUN_TABLES = `${STORE}/sql/step-1.sql`;
const ACCEPT = `${STORE}/sql/accept-run.sql`;
const REPEAT = `${STORE}/sql/repeat-run.sql`;
const END = `${STORE}/sql/end-runs.sql`;
const THREADS = `${STORE}/sql/threads.sql`;
const EVENTS = `${STORE}/sql/events.sql`;

const NO_RUNNING_INDEX = {
  file: RUN_TABLES,
  from: 'create unique index runs_running on',
  to: 'create index runs_running on',
};

/** What PostgreSQL is trusted with: locks, indexes, fences, the order of a line. */
export const POSTGRES_MUTANTS: readonly Mutant[] = [
  {
    name: 'pg-fence',
    about: 'A run may be finished by any process that ran it once',
    changes: [
      {
        file: END,
        from: `  if v_run.attempt = p_attempt and v_run.thread_id = p_thread_id
    and v_run.instance_id = p_instance_id and v_run.status in ('queued', 'running')
  then`,
        to: '  if v_run.thread_id = p_thread_id then',
      },
    ],
    scenarios: ['F3'],
  },
  {
    name: 'pg-fence-process',
    about: 'A run may be finished by a process that it was taken from',
    changes: [
      {
        file: END,
        from: `v_run.attempt = p_attempt and v_run.thread_id = p_thread_id
    and v_run.instance_id = p_instance_id and`,
        to: 'v_run.thread_id = p_thread_id and',
      },
    ],
    scenarios: ['F10'],
  },
  {
    name: 'pg-fence-attempt',
    about: 'A process may finish the attempt of a run that it has by the one that it lost',
    changes: [
      { file: END, from: 'v_run.attempt = p_attempt and v_run.thread_id', to: 'v_run.thread_id' },
    ],
    scenarios: ['F10'],
  },
  {
    name: 'pg-one-running',
    about: 'A run starts also while another one of its thread runs',
    changes: [
      NO_RUNNING_INDEX,
      {
        file: ACCEPT,
        from: `    select count(*), count(*) filter (where counted) into v_active, v_counted from jims.runs
    where thread_id = v_thread.thread_id and status in ('queued', 'running');`,
        to: '  v_active := 0;',
      },
    ],
    scenarios: ['F6'],
  },
  {
    name: 'pg-accept-lock',
    about: 'A run is accepted without the lock of its thread',
    changes: [
      {
        file: THREADS,
        from: `(p_contact_id is null or contact_id = p_contact_id)
    for no key update;`,
        to: '(p_contact_id is null or contact_id = p_contact_id);',
      },
      {
        file: THREADS,
        from: 'from original.threads where thread_id = v_id for no key update;',
        to: 'from original.threads where thread_id = v_id;',
      },
    ],
    scenarios: ['F6'],
  },
  {
    name: 'pg-accept-lock-and-index',
    about: 'The same, and no index refuses a second running run',
    changes: [
      NO_RUNNING_INDEX,
      {
        file: THREADS,
        from: 'from original.threads where thread_id = v_id for no key update;',
        to: 'from original.threads where thread_id = v_id;',
      },
    ],
    scenarios: ['F6'],
  },
  {
    name: 'pg-key-index',
    about: 'No index refuses a second run of a key',
    changes: [
      {
        file: RUN_TABLES,
        from: 'create unique index runs_idem_key on',
        to: 'create index runs_idem_key on',
      },
      {
        file: ACCEPT,
        from: '    on conflict (idem_scope, idem_key) where idem_key is not null do nothing\n',
        to: '',
      },
    ],
    scenarios: ['F10'],
  },
  {
    name: 'pg-key-forgotten',
    about: 'The key of a request is not kept',
    changes: [{ file: `${STORE}/runs.ts`, from: 'key: idempotency?.key,', to: 'key: undefined,' }],
    scenarios: ['F10'],
  },
  {
    name: 'pg-fingerprint',
    about: 'A key stands for whatever is asked with it',
    changes: [
      { file: ACCEPT, from: 'v_run.idem_fingerprint is distinct from p_fingerprint', to: 'false' },
    ],
    scenarios: ['F10'],
  },
  {
    name: 'pg-attempt-not-counted',
    about: 'A lost run that runs again is still the first attempt',
    changes: [{ file: REPEAT, from: 'attempt = attempt + 1,', to: 'attempt = attempt,' }],
    scenarios: ['F3'],
  },
  {
    name: 'pg-queue-order',
    about: 'The newest run of a queue comes first',
    changes: [
      { file: END, from: '    order by ticket limit 1;', to: '    order by ticket desc limit 1;' },
    ],
    scenarios: ['F6'],
  },
  {
    name: 'pg-reply-in-parts',
    about: 'The first event of a reply is committed before the others',
    changes: [
      {
        file: `${STORE}/runs.ts`,
        from: '  const data = await jsonList(dataTexts(events));\n',
        to: `  const data = await jsonList(dataTexts(events));
  const [first] = events;
  if (first) {
    await db.call('append_to_thread', { thread_id: run.threadId, ...eventLists([first]) });
  }
`,
      },
      {
        file: END,
        from: '    v_times := jims.append_events(p_thread_id, p_ids, p_types, p_data);',
        to: `    if cardinality(p_ids) > 0 then
      v_times := array[jims.iso(now()::timestamp)]
        || jims.append_events(p_thread_id, p_ids[2:], p_types[2:], p_data[2:]);
    end if;`,
      },
    ],
    scenarios: ['F3'],
  },
  {
    name: 'pg-first-message-lock',
    about: 'Nothing keeps two first messages of a contact apart',
    changes: [
      {
        file: THREADS,
        from: "      perform pg_advisory_xact_lock(hashtextextended('jims.contact:' || p_contact_id, 0));\n",
        to: '',
      },
    ],
    scenarios: ['F7'],
  },
  {
    name: 'pg-time-of-transaction',
    about: 'Events have the time at which their transaction began',
    changes: [
      {
        file: EVENTS,
        from: "greatest(clock_timestamp()::timestamp, v_last + interval '1 microsecond')",
        to: 'now()::timestamp',
      },
      {
        file: EVENTS,
        from: "greatest(clock_timestamp()::timestamp, p_newest + interval '1 microsecond')",
        to: 'now()::timestamp',
      },
    ],
    scenarios: ['F6'],
  },
  {
    name: 'pg-search-path',
    about: 'The search path decides at each start where the threads are',
    changes: [
      {
        file: `${STORE}/find-schemas.ts`,
        from: `    record.kind === 'recorded'
      ? await confirmRecorded(client, record.schema)
      : await searchTables(client, record.kind === 'unrecorded');`,
        to: "    (await readSearchPath(client)).schemas[0] ?? 'public';",
      },
    ],
    scenarios: ['F8'],
  },
  {
    name: 'pg-list-of-all',
    about: 'A list of threads has those of every contact',
    changes: [
      {
        file: `${STORE}/sql/overviews.sql`,
        from: `' and hashtextextended(a.contact_id, 0) = hashtextextended($1, 0) and a.contact_id = $1'`,
        to: `' and $1::text is not null'`,
      },
    ],
    scenarios: ['F3'],
  },
  {
    name: 'pg-client-error',
    about: 'Nobody hears that a connection in use was lost',
    changes: [
      {
        file: `${STORE}/pool.ts`,
        from: "    pool.on('connect', (client) => client.on('error', ignore));\n",
        to: '',
      },
    ],
    scenarios: ['F4'],
  },
  {
    name: 'pg-unknown-outcome',
    about: 'A run whose acceptance was not heard of is left as it is',
    changes: [
      {
        file: `${STORE}/runs.ts`,
        from: '() => unanswered.add(request),',
        to: '() => {},',
      },
    ],
    scenarios: ['F4'],
  },
  {
    name: 'pg-running-index',
    about: 'No index refuses a second running run, which the lock of the thread keeps away',
    changes: [NO_RUNNING_INDEX],
    scenarios: ['F6'],
    isHarmless: true,
  },
  {
    name: 'pg-no-hints',
    about: 'Nobody is woken by others: each finds out by its next poll',
    changes: [
      {
        file: `${STORE}/notifications.ts`,
        from: '    if (ids.size === 0) return;',
        to: '    if (ids.size >= 0) return;',
      },
    ],
    scenarios: ['F3'],
    isHarmless: true,
  },
];
