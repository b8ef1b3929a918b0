import type { Mutant } from './mutant.ts';

const STORE = 'packages/jims-core/src/store/sqlite';
const GROUP = `${STORE}/commit-group.ts`;
const RUNS = `${STORE}/runs.ts`;
const MIGRATIONS = `${STORE}/migrations.ts`;
const TRANSITIONS = `${STORE}/transitions.ts`;
const ACCEPTING = `${STORE}/accepting.ts`;

const SYNCHRONOUS = {
  file: `${STORE}/open-database.ts`,
  from: 'PRAGMA synchronous = FULL;',
};

/** What a SQLite file is trusted with: that what was answered is on the disk, and one queue a thread. */
export const SQLITE_MUTANTS: readonly Mutant[] = [
  {
    name: 'sqlite-early-answer',
    about: 'A write is answered before its group is committed',
    changes: [
      {
        file: GROUP,
        from: '    this.#begin.run();',
        to: '    if (!this.#db.isTransaction) this.#begin.run();',
      },
      {
        file: GROUP,
        from: '      this.#commit.run();',
        to: '      setTimeout(() => void (this.#db.isTransaction && this.#commit.run()), 500);',
      },
    ],
    scenarios: ['F1'],
  },
  {
    name: 'sqlite-synchronous-off',
    about: 'What is committed is not on the disk',
    changes: [{ ...SYNCHRONOUS, to: 'PRAGMA synchronous = OFF;' }],
    scenarios: ['F2'],
  },
  {
    name: 'sqlite-synchronous-normal',
    about: 'What is committed is on the disk some time later',
    changes: [{ ...SYNCHRONOUS, to: 'PRAGMA synchronous = NORMAL;' }],
    scenarios: ['F2'],
  },
  {
    name: 'sqlite-write-swallowed',
    about: 'A write that failed is taken for done',
    changes: [
      {
        file: GROUP,
        from: 'group[0]?.reject(this.#health.failed(error));',
        to: 'group[0]?.resolve();',
      },
    ],
    scenarios: ['F14'],
  },
  {
    name: 'sqlite-fence',
    about: 'A process may finish the attempt of a run that it has by the one that it lost',
    changes: [
      {
        file: RUNS,
        from: 'return run?.instanceId === instanceId && run.attempt === attempt ? run : undefined;',
        to: 'return run;',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'sqlite-one-running',
    about: 'A run starts also while another one of its thread runs',
    changes: [
      {
        file: ACCEPTING,
        from: 'const before = created ? 0 : runs.count(threadId);',
        to: 'const before = 0;',
      },
      {
        file: MIGRATIONS,
        from: 'CREATE UNIQUE INDEX jims_runs_running',
        to: 'CREATE INDEX jims_runs_running',
      },
    ],
    scenarios: ['F6'],
  },
  {
    name: 'sqlite-key',
    about: 'Nobody looks whether there is a run of a key',
    changes: [
      {
        file: ACCEPTING,
        from: 'const keyed = idempotency && records.byKey(idempotency);',
        to: 'const keyed = undefined;',
      },
      {
        file: MIGRATIONS,
        from: 'CREATE UNIQUE INDEX jims_runs_key',
        to: 'CREATE INDEX jims_runs_key',
      },
    ],
    scenarios: ['F10'],
  },
  {
    name: 'sqlite-queue-order',
    about: 'The newest in the queue comes first',
    changes: [
      { file: RUNS, from: 'ORDER BY r.ticket LIMIT 1', to: 'ORDER BY r.ticket DESC LIMIT 1' },
    ],
    scenarios: ['F6'],
  },
  {
    name: 'sqlite-reply-in-parts',
    about: 'The first event of a reply is committed a moment before the others',
    changes: [
      {
        file: `${STORE}/sqlite-store.ts`,
        from: 'finishRun: (run, outcome) => write(() => transitions.finish(run, outcome)),',
        to: `finishRun: async (run, outcome) => {
      const first = outcome.events.slice(0, 1);
      await write(() => events.append(run.threadId, first));
      await new Promise((resolve) => setTimeout(resolve, 20));
      return write(() => transitions.finish(run, outcome));
    },`,
      },
      {
        file: TRANSITIONS,
        from: '    const stored = events.append(run.threadId, outcome.events);',
        to: `    events.append(run.threadId, outcome.events.slice(1));
    const ids = outcome.events.map(({ id }) => id);
    const stored = this.#tables.log.byIds(run.threadId, ids);`,
      },
    ],
    scenarios: ['F1'],
  },
  {
    name: 'sqlite-lease-clock',
    about: 'A lease ends when the clock is set forward',
    changes: [
      {
        file: `${STORE}/instances.ts`,
        from: 'Math.round(performance.timeOrigin + performance.now())',
        to: 'Date.now()',
      },
    ],
    scenarios: ['F9'],
  },
  {
    name: 'sqlite-event-clock',
    about: 'An event may be earlier than the one before it',
    changes: [
      { file: `${STORE}/events.ts`, from: 'return parseMicros(last) + 1;', to: 'return now;' },
    ],
    scenarios: ['F9'],
  },
];
