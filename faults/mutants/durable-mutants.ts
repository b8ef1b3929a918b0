import type { Mutant } from './mutant.ts';

const RUN = 'packages/jims-core/src/run';
const SQLITE = 'packages/jims-core/src/store/sqlite';
const SQL = 'packages/jims-core/src/store/postgres/sql';
const QUESTIONS = 'packages/jims-api/src/chat/questions.ts';
const JOURNAL = `${RUN}/journal.ts`;
const CHAIN = `${RUN}/chain-context.ts`;
const PLACES = `${RUN}/places.ts`;

const REPLAYS = ['F25'];
const ALONE = ['run/journal.test.ts'];
const STEPS = ['run/steps.test.ts'];
const ASKING = ['run/asking.test.ts'];
const MODEL = ['run/durable-model.slow.test.ts'];

/** What pipelines that are executed again are trusted with, and what lets them be. */
export const DURABLE_MUTANTS: readonly Mutant[] = [
  {
    name: 'newest-result-first',
    about: 'A pipeline gets the newest of its results first, and at a replay the oldest',
    changes: [
      {
        file: JOURNAL,
        from: 'const [result] = this.#undelivered;',
        to: 'const result = this.#undelivered.at(-1);',
      },
      { file: JOURNAL, from: 'this.#undelivered.shift();', to: 'this.#undelivered.pop();' },
    ],
    scenarios: REPLAYS,
    tests: MODEL,
  },
  {
    name: 'stream-not-kept',
    about: 'The text of a streamed message is not a result',
    changes: [
      {
        file: `${RUN}/message-streams.ts`,
        from: `requireOutsideEntry('A message');`,
        to: `if (!(message.source instanceof ToolAnswer)) return read(newId(), message.source).then((body) => (message.send(body, newId()), body.text));`,
      },
    ],
    scenarios: REPLAYS,
    tests: MODEL,
  },
  {
    name: 'no-gate-at-questions',
    about: 'A run asks while steps are under way',
    changes: [
      {
        file: JOURNAL,
        from: `    if (this.#underWay > 0 || !this.#writer.isDone) return false;
    const fault`,
        to: '    const fault',
      },
    ],
    scenarios: REPLAYS,
    tests: [...ALONE, ...ASKING],
  },
  {
    name: 'other-error-at-first',
    about: 'A pipeline gets the error of a step itself, and at a replay what is kept of it',
    changes: [
      {
        file: CHAIN,
        from: `what: \`the step '\${name}'\`,
      isKeptOnly: true,`,
        to: `what: \`the step '\${name}'\`,
      isKeptOnly: false,`,
      },
    ],
    scenarios: REPLAYS,
    tests: STEPS,
  },
  {
    name: 'failed-step-not-kept',
    about: 'A failure of a step is not a result',
    changes: [
      {
        file: JOURNAL,
        from: `if (this.#isStopped && result.outcome.kind === 'error') {`,
        to: `if (result.outcome.kind === 'error') {`,
      },
    ],
    scenarios: REPLAYS,
    tests: STEPS,
  },
  {
    name: 'view-of-today',
    about: 'A pipeline that is executed again sees all that came since',
    changes: [
      {
        file: `${RUN}/replay.ts`,
        from: 'return until === undefined ? log : (this.#logs.get(until) ?? log.until(until));',
        to: 'return log;',
      },
    ],
    scenarios: REPLAYS,
    tests: [...ASKING, ...MODEL],
  },
  {
    name: 'stop-is-a-result',
    about: 'A step that failed because its run was stopped has failed for ever',
    changes: [
      {
        file: JOURNAL,
        from: `if (this.#isStopped && result.outcome.kind === 'error') {`,
        to: 'if (false) {',
      },
    ],
    scenarios: REPLAYS,
    tests: ALONE,
  },
  {
    name: 'ids-by-chance',
    about: 'Each execution of a pipeline sends its events under other ids',
    changes: [
      {
        file: PLACES,
        from: "{ kind: 'new', id: base && derivedId(base.chainId, `${base.part}/${position}`) }",
        to: "{ kind: 'new', id: base && undefined }",
      },
    ],
    scenarios: REPLAYS,
    tests: STEPS,
  },
  {
    name: 'committed-sent-again',
    about: 'What a pipeline had sent before its question it sends again after the answer',
    changes: [
      {
        file: PLACES,
        from: 'const event = this.#committed[position];',
        to: 'const event = this.#committed[position + this.#committed.length];',
      },
    ],
    scenarios: REPLAYS,
    tests: ASKING,
  },
  {
    name: 'delivered-before-stored',
    about: 'A pipeline gets a result before that is stored',
    changes: [
      {
        file: `${RUN}/entry-writer.ts`,
        from: 'return this.isDone || !this.#unstored.includes(entry);',
        to: 'return true;',
      },
    ],
    scenarios: REPLAYS,
    tests: ALONE,
  },
  {
    name: 'work-before-replay',
    about: 'Work begins while results are left',
    changes: [{ file: JOURNAL, from: 'if (!this.isReplaying && isFirst)', to: 'if (isFirst)' }],
    scenarios: REPLAYS,
    tests: [...ALONE, ...STEPS],
  },
  {
    name: 'suspects-together',
    about: 'All runs that may have ended their processes are executed at once',
    changes: [
      {
        file: `${RUN}/recovery.ts`,
        from: 'suspects: hasNoOther ? 1 : 0,',
        to: 'suspects: hasNoOther ? 1000 : 1000,',
      },
    ],
    scenarios: ['F22'],
  },
  {
    name: 'never-parked',
    about: 'A process that ends cancels its durable runs',
    changes: [
      {
        file: `${RUN}/bad-end.ts`,
        from: `return reason === 'shutting_down' || reason === 'lost';`,
        to: `return reason === 'lost';`,
      },
    ],
    scenarios: ['F21'],
  },
  {
    name: 'durable-run-not-recovered',
    about: 'A run of a dead process is lost, although it is durable',
    changes: [
      {
        file: `${RUN}/recovery.ts`,
        from: `const takes = isDurable ? 'all' : 'continued';`,
        to: `const takes = isDurable ? 'continued' : 'continued';`,
      },
    ],
    scenarios: ['F24'],
  },
];

/** The same of PostgreSQL. */
export const DURABLE_POSTGRES_MUTANTS: readonly Mutant[] = [
  {
    name: 'pg-step-unlocked',
    about: 'A result is stored without the lock of its run',
    changes: [
      {
        file: `${SQL}/chains.sql`,
        from: 'from jims.runs where run_id = p_run_id for share;',
        to: 'from jims.runs where run_id = p_run_id;',
      },
    ],
    scenarios: ['F23'],
  },
  {
    name: 'pg-step-fence',
    about: 'A result is stored by a process that has lost its run',
    changes: [
      {
        file: `${SQL}/chains.sql`,
        from: `  if not found or v_run.attempt <> p_attempt or v_run.thread_id <> p_thread_id
    or v_run.instance_id <> p_instance_id or v_run.status <> 'running'`,
        to: '  if not found',
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/journals.test.ts'],
  },
  {
    name: 'pg-step-fence-attempt',
    about: 'A process stores a result of the attempt that it has lost by the one that it has',
    changes: [
      {
        file: `${SQL}/chains.sql`,
        from: 'v_run.attempt <> p_attempt or v_run.thread_id',
        to: 'v_run.thread_id',
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/journals.test.ts', 'store/recovery.test.ts'],
  },
  {
    name: 'pg-taken-twice',
    about: 'Two processes take the same run over',
    changes: [
      {
        file: `${SQL}/recover.sql`,
        from: `    where r.run_id = v_id and r.status = 'running'
      and coalesce(i.lease_until, '-infinity') <= clock_timestamp()
      and (r.retry_at is null or r.retry_at <= clock_timestamp());`,
        to: `    where r.run_id = v_id;`,
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/postgres/taken-once.test.ts'],
  },
  {
    name: 'pg-passed-over',
    about: 'A durable run whose process dies while it waits does not keep its slot in the queue',
    changes: [
      {
        file: `${SQL}/end-runs.sql`,
        from: '      if not v_run.durable then',
        to: '      if true then',
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/recovery.test.ts'],
  },
  {
    name: 'pg-second-question',
    about: 'A question to the contact leaves the one before it open',
    changes: [
      {
        file: `${SQL}/questions.sql`,
        from: `perform jims.withdraw_question(v_old, 'superseded', v_old.tell);`,
        to: 'null;',
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/questions.test.ts'],
  },
];

/** The same of SQLite. */
export const DURABLE_SQLITE_MUTANTS: readonly Mutant[] = [
  {
    name: 'sqlite-step-fence',
    about: 'A result is stored by a process that has lost its run',
    changes: [
      {
        file: `${SQLITE}/transitions.ts`,
        from: `    const running = runs.chainOfRunning(run);
    if (!running)`,
        to: `    const running = runs.active(run.runId);
    if (running?.status !== 'running')`,
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/journals.test.ts'],
  },
  {
    name: 'sqlite-step-fence-attempt',
    about: 'A process stores a result of the attempt that it has lost by the one that it has',
    changes: [
      {
        file: `${SQLITE}/runs.ts`,
        from: "status = 'running' AND instance_id = ? AND attempt = ?`),",
        to: "status = 'running' AND instance_id = ? AND ? IS NOT NULL`),",
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/journals.test.ts', 'store/recovery.test.ts'],
  },
  {
    name: 'sqlite-passed-over',
    about: 'A durable run whose process dies while it waits does not keep its slot in the queue',
    changes: [
      {
        file: `${SQLITE}/thread-line.ts`,
        from: '} else if (!next.durable) {',
        to: '} else if (next.durable || !next.durable) {',
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/recovery.test.ts'],
  },
  {
    name: 'sqlite-second-question',
    about: 'A question to the contact leaves the one before it open',
    changes: [
      {
        file: `${SQLITE}/asking.ts`,
        from: `if (earlier) this.withdraw(earlier, 'superseded');`,
        to: '',
      },
    ],
    scenarios: REPLAYS,
    tests: ['store/questions.test.ts'],
  },
  {
    name: 'sqlite-answered-twice',
    about: 'A question that is answered is answered once more',
    changes: [
      {
        file: `${SQLITE}/answering.ts`,
        from: `if (state !== 'open') return { kind: 'question_closed', answeredBy };`,
        to: '',
      },
    ],
    scenarios: ['F20'],
  },
  {
    name: 'any-contacts-question',
    about: 'Any contact answers a question',
    changes: [
      {
        file: QUESTIONS,
        from: `    question?.audience === 'contact' &&
    mayReach(api, call, { contactId: question.contactId }, contactId);`,
        to: `    question?.audience === 'contact';`,
      },
      {
        file: QUESTIONS,
        from: 'return namedThread(api, call, { threadId: question.threadId, contactId });',
        to: 'return namedThread(api, call, question);',
      },
    ],
    scenarios: ['F20'],
  },
];
