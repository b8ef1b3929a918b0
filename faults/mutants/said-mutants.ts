import type { Mutant } from './mutant.ts';

const CORE = 'packages/jims-core/src';
const SQLITE = `${CORE}/store/sqlite`;
const SQL = `${CORE}/store/postgres/sql`;
const CORE_TESTS = 'packages/jims-core/test';

/** What is promised of files, tools, feedback and lists of threads. */
export const SAID_MUTANTS: readonly Mutant[] = [
  {
    name: 'file-ready-first',
    about: 'A file is ready before its bytes are there',
    changes: [
      {
        file: `${CORE}/files/stored-files.ts`,
        from: '      await bytes.write(file.fileId, body.pieces());\n',
        to: '      const pieces = await Array.fromAsync(body.pieces());\n',
      },
      {
        file: `${CORE}/files/stored-files.ts`,
        from: '      if (record) return record;\n    } catch',
        to: '      await bytes.write(file.fileId, ReadableStream.from(pieces));\n      if (record) return record;\n    } catch',
      },
    ],
    scenarios: ['F26'],
  },
  {
    name: 'begun-file-stays',
    about: 'A file that a dead process has begun cannot be sent again by its run',
    changes: [
      {
        file: `${CORE}/pipeline/context-files.ts`,
        from: 'if (isJimsError(error) && !MAY_BE_BEGUN.has(error.code)) throw error;',
        to: 'if (isJimsError(error)) throw error;',
      },
    ],
    scenarios: ['F26'],
  },
  {
    name: 'tool-without-key',
    about: 'A tool that is called again has another key',
    changes: [
      {
        file: `${CORE}/run/kept-loop.ts`,
        from: 'return work({ idempotencyKey, status });',
        to: 'return work({ idempotencyKey: `${idempotencyKey}/${Math.random()}`, status });',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/run/tools.test.ts`],
  },
  {
    name: 'round-not-sent-again',
    about: 'The text of a round that is kept is not sent at a replay',
    changes: [
      {
        file: `${CORE}/run/kept-loop.ts`,
        from: 'if (!kept.isDone) for (const part of given.parts) message.add(part);',
        to: '',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/run/tools.test.ts`],
  },
  {
    name: 'round-sent-twice',
    about: 'The text of a round is sent once more when it is kept',
    changes: [
      {
        file: `${CORE}/run/kept-loop.ts`,
        from: 'if (!kept.isDone) for (const part of given.parts)',
        to: 'for (const part of given.parts)',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/run/tools.test.ts`],
  },
  {
    name: 'calls-without-results',
    about: 'A model gets calls of tools without results, and results without calls',
    changes: [
      {
        file: `${CORE}/llm/chat/tool-pairs.ts`,
        from: 'if (!messages.some(isOfTool)) return messages;',
        to: 'if (messages) return messages;',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/llm/tools/providers.test.ts`],
  },
  {
    name: 'type-not-looked-at',
    about: 'A file is of the type that its sender says, whatever its bytes are',
    changes: [
      {
        file: `${CORE}/files/media-type.ts`,
        from: '  throw disagrees(declared, found);\n',
        to: '  return declared;\n',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/app/files.test.ts`],
  },
  {
    name: 'untitled-tools-shown',
    about: 'A contact sees tools that have no title, by their names',
    changes: [
      {
        file: 'packages/jims-api/src/chat/work-reader.ts',
        from: 'const { title = this.#seesWork ? news.name : undefined, id, status } = news;',
        to: 'const { title = news.name, id, status } = news;',
      },
    ],
    scenarios: ['F28'],
    tests: ['packages/jims-api/test/chat/text-stream.test.ts'],
  },
];

/** The same of the stores: of SQLite. */
export const SAID_SQLITE_MUTANTS: readonly Mutant[] = [
  {
    name: 'sqlite-anybodys-file',
    about: 'A message names the files of other contacts',
    changes: [
      {
        file: `${SQLITE}/file-rows.ts`,
        from: 'f.file_id IN ${IDS} AND f.contact_id = ?2 AND',
        to: 'f.file_id IN ${IDS} AND ?2 IS NOT NULL AND',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/files.test.ts`],
  },
  {
    name: 'sqlite-files-not-erased',
    about: 'A thread that is erased leaves its files',
    changes: [
      {
        file: `${SQLITE}/erasing.ts`,
        from: 'files.eraseSomeOf({ threadId }, limit)',
        to: 'files.eraseSomeOf({ threadId }, 0)',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/files.test.ts`],
  },
  {
    name: 'sqlite-list-by-creation',
    about: 'A list of threads is in the order in which they were made',
    changes: [
      {
        file: `${SQLITE}/thread-list.ts`,
        from: "const { order = 'activity', current = false } = filters;",
        to: "const { order = 'created', current = false } = filters;",
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/thread-lists.test.ts`],
  },
  {
    name: 'sqlite-title-moves',
    about: 'A thread that gets a title comes first in lists',
    changes: [
      {
        file: `${SQLITE}/step-5.ts`,
        from: "IN ('jims.thread.titled', 'feedback.given'",
        to: "IN ('feedback.given'",
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/thread-lists.test.ts`],
  },
  {
    name: 'sqlite-search-of-all',
    about: 'A search finds the threads of other contacts',
    changes: [
      {
        file: `${SQLITE}/shelves.ts`,
        from: 'contactId === undefined\n',
        to: 'contactId !== null\n',
      },
      {
        file: `${SQLITE}/thread-list.ts`,
        from: 'conditionsOf(standing, filters, ofThread)',
        to: 'conditionsOf(standing, among ? { ...filters, contactId: undefined } : filters, ofThread)',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/thread-lists.test.ts`],
  },
  {
    name: 'sqlite-feedback-twice',
    about: 'Feedback that is given twice is stored twice',
    changes: [
      {
        file: `${SQLITE}/feedback.ts`,
        from: "if (JSON.stringify(now) === JSON.stringify(before)) return 'unchanged';",
        to: 'void before;',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/feedback.test.ts`],
  },
];

/** The same of PostgreSQL. */
export const SAID_POSTGRES_MUTANTS: readonly Mutant[] = [
  {
    name: 'pg-anybodys-file',
    about: 'A message names the files of other contacts',
    changes: [
      {
        file: `${SQL}/files.sql`,
        from: "    and contact_id = v_result #>> '{thread,contactId}';",
        to: '    ;',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/files.test.ts`],
  },
  {
    name: 'pg-files-not-erased',
    about: 'A thread that is erased leaves its files',
    changes: [
      {
        file: `${SQL}/noted.sql`,
        from: "where thread_id = old.thread_id and state <> 'erasing';",
        to: 'where false;',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/files.test.ts`],
  },
  {
    name: 'pg-title-moves',
    about: 'A thread that gets a title comes first in lists',
    changes: [
      {
        file: `${SQL}/activity.sql`,
        from: "not in ('jims.thread.titled', 'feedback.given'",
        to: "not in ('feedback.given'",
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/thread-lists.test.ts`],
  },
  {
    name: 'pg-feedback-twice',
    about: 'Feedback that is given twice is stored twice',
    changes: [
      {
        file: `${SQL}/feedback.sql`,
        from: '  if v_old.value is not distinct from p_value and',
        to: '  if false and v_old.value is not distinct from p_value and',
      },
    ],
    scenarios: ['F28'],
    tests: [`${CORE_TESTS}/store/feedback.test.ts`],
  },
];
