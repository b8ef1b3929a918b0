import type { Mutant } from './mutant.ts';

const RUN = 'packages/jims-core/src/run';
const SQLITE = 'packages/jims-core/src/store/sqlite';
const JOURNAL = `${RUN}/journal.ts`;

/** Rules by which pipelines are executed again: the model test of durable conversations is to notice each. */
export const DURABLE_MUTANTS: readonly Mutant[] = [
  {
    name: 'asks-with-work-under-way',
    about: 'A run ends with its question while work is under way, which is done once more',
    changes: [
      {
        file: JOURNAL,
        from: 'return this.#underWay === 0 && isStored\n',
        to: 'return isStored\n',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'gives-after-ask',
    about: 'A pipeline gets results after it has asked',
    changes: [
      {
        file: JOURNAL,
        from: '    if (this.#asking) {\n      const isStored',
        to: '    if (this.#asking && !this.#giveResult()) {\n      const isStored',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'results-by-name',
    about: 'A call gets its stored result at once, whatever order the results had',
    changes: [
      {
        file: JOURNAL,
        from: '      if (!this.isReplaying && isFirst) this.#begin(call);\n',
        to: `      const known = this.#entries.find(
        ({ entry, answer }) => keyOf(entry) === key && (answer || entry.outcome.kind !== 'asked'),
      );
      if (known) {
        this.#next++;
        this.#deliver(call, known.entry.outcome, known.answer);
      } else if (!this.isReplaying && isFirst) this.#begin(call);
`,
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'results-by-call',
    about: 'Results are given in the order of their calls, and not in the one that is stored',
    changes: [
      {
        file: JOURNAL,
        from: 'const [result] = this.#undelivered;',
        to: 'const [result] = this.#undelivered.toSorted((a, b) => a.call.at - b.call.at);',
      },
      {
        file: JOURNAL,
        from: 'this.#undelivered.shift();',
        to: 'this.#undelivered.splice(this.#undelivered.indexOf(result), 1);',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'two-results-at-once',
    about: 'A result is given before the pipeline has done what the one before it leads to',
    changes: [
      {
        file: `${RUN}/drained.ts`,
        from: '  await new Promise<void>((resolve) => process.nextTick(resolve));\n',
        to: '',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'seen-before-stored',
    about: 'A pipeline gets a result that is not stored yet',
    changes: [
      {
        file: JOURNAL,
        from: 'if (this.#options.isDurable && this.#unstored.includes(entry)) return false;',
        to: '',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'failure-not-kept',
    about: 'A failed step is forgotten: the next execution tries it again',
    changes: [
      {
        file: JOURNAL,
        from: "if (this.#isStopped && outcome.kind === 'error') {",
        to: "if (outcome.kind === 'error') {",
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'stop-is-a-failure',
    about: 'Work that fails because its run is stopped has failed for ever',
    changes: [
      {
        file: JOURNAL,
        from: "if (this.#isStopped && outcome.kind === 'error') {",
        to: "if (this.#isStopped && outcome.kind === 'asked') {",
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'stopped-goes-on',
    about: 'A pipeline that goes on in another process goes on here by the failure of its stop',
    changes: [
      {
        file: JOURNAL,
        from: '    this.#isParking ||= goesOn;\n    this.#isParked ||= goesOn;\n',
        to: '',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'other-error-first',
    about: 'A pipeline gets the error itself the first time, and what is kept of it later',
    changes: [
      {
        file: `${RUN}/chain-context.ts`,
        from: "if (outcome.kind === 'error') throw failureFrom(outcome, thrown);",
        to: "if (outcome.kind === 'error') throw thrown ?? failureFrom(outcome, thrown);",
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'view-not-cut',
    about: 'A pipeline that is executed again sees what came into the log meanwhile',
    changes: [
      {
        file: `${RUN}/replay.ts`,
        from: 'return until === undefined ? log : log.until(until);',
        to: "return until === '' ? log.until(until) : log;",
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'sent-again',
    about: 'What is committed is sent once more',
    changes: [
      {
        file: `${RUN}/places.ts`,
        from: "if (event) return { kind: event.type === type ? 'committed' : 'other', event };",
        to: '',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'ids-of-an-attempt',
    about: 'An event has another id in each execution, so that clients have it twice',
    changes: [
      {
        file: `${RUN}/places.ts`,
        from: 'id: base && derivedId(base.chainId, `${base.part}/${place}`)',
        to: 'id: base && undefined',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'early-answer-alone',
    about: 'A message that answered a question while it waited begins a conversation of its own',
    changes: [
      {
        file: `${RUN}/execution.ts`,
        from: 'if (!this.#hasWaited) return undefined;',
        to: 'if (this.#hasWaited || !this.#hasWaited) return undefined;',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'sqlite-steps-without-fence',
    about: 'A process may store the result of a run that it has lost',
    store: 'SQLite',
    changes: [
      {
        file: `${SQLITE}/transitions.ts`,
        from: `    const owned = runs.owned(run);
    if (owned?.status !== 'running') return 'fenced';
    journal.add`,
        to: `    const owned = runs.active(run.runId);
    if (owned?.status !== 'running') return 'fenced';
    journal.add`,
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'sqlite-two-questions',
    about: 'A new question to the contact leaves the one before it open',
    store: 'SQLite',
    changes: [
      {
        file: `${SQLITE}/asking.ts`,
        from: "if (earlier) this.withdraw(earlier, 'superseded');",
        to: '',
      },
    ],
    scenarios: ['F16'],
  },
  {
    name: 'sqlite-queue-dies',
    about: 'A durable run that waits is lost with its process',
    store: 'SQLite',
    changes: [
      {
        file: `${SQLITE}/thread-line.ts`,
        from: '} else if (!next.durable) {',
        to: '} else if (!next.durable || next.durable) {',
      },
    ],
    scenarios: ['F16'],
  },
];
