import type { Mutant } from './mutant.ts';

const RUN = 'packages/jims-core/src/run';
const SQLITE = 'packages/jims-core/src/store/sqlite';
const JOURNAL = `${RUN}/journal.ts`;

/** Rules by which pipelines are executed again: the model test of durable conversations is to notice each. */
export const JOURNAL_MUTANTS: readonly Mutant[] = [
  {
    name: 'gives-after-ask',
    about: 'A pipeline gets results after it has asked',
    changes: [
      {
        file: JOURNAL,
        from: 'if (this.#asking) return this.#goOnAsking(this.#asking);',
        to: 'if (this.#asking && !this.#giveResult()) return this.#goOnAsking(this.#asking);',
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
    scenarios: ['F25'],
    tests: ['run/journal.test.ts'],
  },
  {
    name: 'two-results-at-once',
    about: 'A result is given before the pipeline has done what the one before it leads to',
    changes: [
      {
        file: `${RUN}/drained.ts`,
        from: 'process.nextTick(then)',
        to: 'then()',
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
    name: 'early-answer-alone',
    about: 'A message that answered a question while it waited begins a conversation of its own',
    changes: [
      {
        file: `${RUN}/execution.ts`,
        from: '    this.#chain ??= await joinedChain(this.#services.app.store, this.owner);\n',
        to: '',
      },
    ],
    scenarios: ['F25'],
    tests: ['run/asking.test.ts'],
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
