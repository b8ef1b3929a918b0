import type { Mutant } from './mutant.ts';

const CORE = 'packages/jims-core/src';
const API = 'packages/jims-api/src';

/** What the engine and the service above the stores are trusted with. */
export const SERVICE_MUTANTS: readonly Mutant[] = [
  {
    name: 'any-contacts-thread',
    about: 'A thread is reached under the name of any contact',
    changes: [
      {
        file: `${API}/chat/named-thread.ts`,
        from: "const free = principal.kind === 'service' && (sharedThreads || contactId === undefined);",
        to: 'const free = true;',
      },
    ],
    scenarios: ['F3'],
  },
  {
    name: 'any-callers-key',
    about: 'Callers share their keys',
    changes: [
      {
        file: `${API}/chat/idempotency.ts`,
        from: 'scope: `${kind}:${id}`,',
        to: 'scope: `${kind}`,',
      },
    ],
    scenarios: ['F10'],
  },
  {
    name: 'no-reaper',
    about: 'Nobody ends the runs of a dead process',
    changes: [
      {
        file: `${CORE}/run/lease.ts`,
        from: 'const { lost, started, recovered } = await store.reapRuns(recovery.request);',
        to: 'const { lost, started, recovered } = { lost: 0, started: [], recovered: [] };',
      },
    ],
    scenarios: ['F1'],
  },
  {
    name: 'joined-too-early',
    about: 'A reader that joins a stream gets the last frame again that it had',
    changes: [
      {
        file: `${CORE}/run/run-events.ts`,
        from: '? position.seq > other.seq',
        to: '? position.seq >= other.seq',
      },
    ],
    scenarios: ['F11'],
  },
  {
    name: 'joined-too-late',
    about: 'Who joins a stream misses a frame',
    changes: [
      {
        file: `${CORE}/run/event-log.ts`,
        from: 'isAfter(event, position) || isRunEnd(event)',
        to: 'isAfter(event, { ...position, seq: position.seq + 1 }) || isRunEnd(event)',
      },
    ],
    scenarios: ['F11'],
  },
  {
    name: 'ids-without-attempt',
    about: 'The id of a frame does not say of which attempt of its run it is',
    changes: [
      {
        file: `${API}/protocols/jims/event-ids.ts`,
        from: 'return `${attempt}.${seq}`;',
        to: 'return `${attempt > 0 ? 1 : 0}.${seq}`;',
      },
    ],
    scenarios: ['F18'],
  },
  {
    name: 'share-of-all',
    about: 'One contact may have all runs of a process',
    changes: [
      {
        file: `${CORE}/run/caller-shares.ts`,
        from: 'isFull: (caller) => caller !== undefined && countOf(caller) >= share,',
        to: 'isFull: (caller) => caller !== undefined && countOf(caller) > share * 1_000_000,',
      },
    ],
    scenarios: ['F18'],
  },
  {
    name: 'reader-stops-all',
    about: 'A reader who leaves stops the run for all others',
    changes: [
      {
        file: `${CORE}/run/stop-switch.ts`,
        from: 'if (this.#readers === 0 && this.#stopsUnread)',
        to: 'if (this.#stopsUnread)',
      },
    ],
    scenarios: ['F18'],
  },
  {
    name: 'key-says-nothing',
    about: 'A lost connection stops a run also where the key says that the request comes again',
    changes: [
      {
        file: `${API}/chat/start-run.ts`,
        from: "return hasKey(call) ? 'continue' : 'cancel';",
        to: "return 'cancel';",
      },
    ],
    scenarios: ['F18'],
  },
  {
    name: 'stored-end-unknown',
    about: 'An outcome that is stored already is not known again',
    changes: [
      {
        file: `${CORE}/store/finished-before.ts`,
        from: 'if (!record || !isSameEnd(record, owner, outcome))',
        to: 'if (record || outcome)',
      },
      {
        file: `${CORE}/run/run-endings.ts`,
        from: 'const end = isOwn ? endOfRecord(record) : undefined;',
        to: 'const end: RunEnd | undefined = undefined;',
      },
    ],
    scenarios: ['F25'],
    tests: ['run/lost-answers.test.ts'],
  },
  {
    name: 'stream-without-bound',
    about: 'All of a stream is kept for a client that does not read it',
    changes: [
      {
        file: `${API}/http/sse/frame-writer.ts`,
        from: 'this.#hasRoom = this.#sink.write(this.#taken());',
        to: 'this.#sink.write(this.#taken());',
      },
    ],
    scenarios: ['F12'],
  },
  {
    name: 'headers-without-end',
    about: 'Headers may take as long as they like',
    changes: [
      {
        file: `${API}/server/node-server/http-server.ts`,
        from: 'const HEADERS_TIMEOUT_MS = 10_000;',
        to: 'const HEADERS_TIMEOUT_MS = 0;',
      },
    ],
    scenarios: ['F12'],
  },
  {
    name: 'depth-without-bound',
    about: 'A body may be as deep as it likes',
    changes: [
      {
        file: `${API}/http/fastapi/parse-json.ts`,
        from: 'maxDepth: 64,',
        to: 'maxDepth: 1_000_000,',
      },
    ],
    scenarios: ['F13'],
  },
  {
    name: 'lists-without-end',
    about: 'A list in a body may be as long as it likes',
    changes: [
      {
        file: `${API}/http/list.ts`,
        from: 'if (value.length > max) return { typed: true, value };',
        to: '',
      },
      {
        file: `${API}/http/list.ts`,
        from: 'return v.pipe(bounded, v.maxLength(max));',
        to: 'return v.pipe(bounded, v.maxLength(Infinity));',
      },
    ],
    scenarios: ['F13'],
  },
  {
    name: 'errors-without-end',
    about: 'An error quotes as much of the request as there is',
    changes: [
      {
        file: `${API}/http/bounded-error.ts`,
        from: 'return bounded === detail ? error : new HttpError(status, bounded, error);',
        to: 'return bounded ? error : error;',
      },
    ],
    scenarios: ['F13'],
  },
  {
    name: 'error-shown',
    about: 'A client gets the message of what a pipeline threw',
    changes: [
      {
        file: `${API}/http/error-response.ts`,
        from: 'if (exposeErrors) {',
        to: 'if (code) {',
      },
    ],
    scenarios: ['F15'],
  },
  {
    name: 'left-behind-kills',
    about: 'A rejection that nobody waits for ends the process',
    changes: [
      {
        file: `${API}/server/node-server/service-process.ts`,
        from: "process.on('unhandledRejection', onRejection);\n      process.on('uncaughtException', onException);",
        to: '',
      },
    ],
    scenarios: ['F15'],
  },
  {
    name: 'line-breaks-in-frames',
    about: 'Line breaks of text are line breaks of its frame',
    changes: [
      {
        file: `${API}/http/sse/frame.ts`,
        from: "return /[\\r\\n]/.test(text) ? text.replaceAll(LINE_BREAK, '\\ndata: ') : text;",
        to: "return text.replaceAll('\\\\r\\\\n', '\\r\\n');",
      },
    ],
    scenarios: ['F15'],
  },
  {
    name: 'stops-without-draining',
    about: 'A process that is told to stop does not end its runs',
    changes: [
      {
        file: `${API}/server/node-server/service-process.ts`,
        from: '        await stop();\n',
        to: '',
      },
    ],
    scenarios: ['F5'],
  },
  {
    name: 'auth-fails-open',
    about: 'A provider that cannot be asked about a caller lets them in',
    changes: [
      {
        file: `${API}/auth/token-cache.ts`,
        from: 'throw authUnavailable(cause);',
        to: "if (cause) return { kind: 'service', id: 'anybody' };",
      },
    ],
    scenarios: ['F17'],
  },
  {
    name: 'auth-verdict-for-ever',
    about: 'What was decided about a caller stays so',
    changes: [
      {
        file: `${API}/auth/token-cache.ts`,
        from: '    if (entry.until <= this.#options.now()) return undefined;\n',
        to: '',
      },
    ],
    scenarios: ['F17'],
  },
  {
    name: 'auth-asks-for-each',
    about: 'Requests that come at once do not share a question',
    changes: [
      {
        file: `${API}/auth/token-cache.ts`,
        from: 'this.#underway.get(key) ?? this.#ask(token, key)',
        to: 'this.#ask(token, key)',
      },
    ],
    scenarios: ['F17'],
  },
];
