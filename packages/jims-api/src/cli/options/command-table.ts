import { CLIENT_EVENT_TYPES } from '../../chat/event-types.ts';
import { PROTOCOLS, isProtocolName } from '../../protocols/registry.ts';
import { ACCESS_GROUP, ACCESS_OPTIONS } from './access-options.ts';
import {
  APP_GROUP,
  FILE_ACCESS_OPTIONS,
  FILE_LIMIT_OPTIONS,
  FILE_OPTIONS,
  LIMITS_GROUP,
} from './file-options.ts';
import type { OptionTable } from './option-table.ts';
import { NETWORK_GROUP, PAGE_OPTIONS } from './page-options.ts';
import { WEBHOOK_OPTIONS } from './webhook-options.ts';

export const ALL_PROTOCOLS = Object.keys(PROTOCOLS).filter(isProtocolName);

const APP = APP_GROUP;
const NETWORK = NETWORK_GROUP;
const LIMITS = LIMITS_GROUP;
const OBSERVING = 'Observability';

/** All options of the command. */
export const OPTIONS = {
  app: {
    type: 'text',
    group: APP,
    default: 'app',
    help: 'The app: FILE:EXPORT, such as ./app.ts:app',
  },
  db: {
    type: 'text',
    group: APP,
    default: 'sqlite:///jims.db',
    variables: ['JIMS_DB_CONN_URI'],
    help: 'Where threads are stored: sqlite:///FILE or postgresql://USER@HOST/DATABASE',
  },
  schema: {
    type: 'text',
    group: APP,
    help: 'PostgreSQL schema for the threads, when several apps share a database',
  },
  files: FILE_OPTIONS.files,
  recover: {
    type: 'text',
    group: APP,
    default: 'on',
    help: 'Whether to go on with durable runs and open questions of other processes: on or off; off for a copy of a database',
  },
  loader: {
    type: 'text',
    group: APP,
    default: 'auto',
    help: 'How TypeScript is loaded: auto, native or tsx',
  },
  host: { type: 'text', group: NETWORK, default: '0.0.0.0', help: 'Address to listen on' },
  port: { type: 'integer', group: NETWORK, default: '8080', help: 'Port of the API' },
  'metrics-host': {
    type: 'text',
    group: NETWORK,
    default: 'as --host',
    help: 'Address of the metrics',
  },
  'metrics-port': {
    type: 'integer',
    group: NETWORK,
    default: '8000',
    help: 'Port of the Prometheus metrics',
  },
  ...ACCESS_OPTIONS,
  ...FILE_ACCESS_OPTIONS,
  'allowed-event-types': {
    type: 'text',
    group: ACCESS_GROUP,
    several: true,
    default: CLIENT_EVENT_TYPES.join(','),
    help: 'Event types that clients may send; * matches anything, ! forbids',
  },
  'contact-event-types': {
    type: 'text',
    group: ACCESS_GROUP,
    several: true,
    help: 'Event types that contacts may append to their threads without a run, such as ui.*; by default none',
  },
  'expose-errors': {
    type: 'flag',
    group: ACCESS_GROUP,
    help: 'Show the text of pipeline errors to clients; for development',
  },
  'public-url': {
    type: 'text',
    group: NETWORK,
    help: 'Where clients reach the service, such as https://chat.example; set it behind a proxy',
  },
  'allowed-host': {
    type: 'text',
    group: NETWORK,
    several: true,
    help: 'A host name that requests may be sent to, such as chat.example; needed without keys, and on a loopback address',
  },
  ...WEBHOOK_OPTIONS,
  ...PAGE_OPTIONS,
  protocols: {
    type: 'text',
    group: NETWORK,
    several: true,
    default: 'all',
    help: `Protocols besides /api/v1: all, none, or some of ${ALL_PROTOCOLS.join(', ')}`,
  },
  'max-body-size': {
    type: 'integer',
    group: LIMITS,
    default: '4194304',
    help: 'Maximum bytes of a request body',
  },
  'max-message-size': {
    type: 'integer',
    group: LIMITS,
    default: '262144',
    help: 'Maximum bytes of one new message from a client',
  },
  'max-config-size': {
    type: 'integer',
    group: LIMITS,
    default: '131072',
    help: 'Maximum bytes of a thread_config or metadata from a client',
  },
  ...FILE_LIMIT_OPTIONS,
  'max-thread-size': {
    type: 'integer',
    group: LIMITS,
    default: '16777216',
    help: 'Maximum bytes of a thread that a run loads: its newest events and its states',
  },
  'run-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '300',
    help: 'Seconds a pipeline may take',
  },
  'drain-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '30',
    help: 'Seconds that runs get to finish when the service stops',
  },
  'max-runs': {
    type: 'integer',
    group: LIMITS,
    default: '1024',
    help: 'Maximum number of runs at a time in this process',
  },
  'max-runs-per-caller': {
    type: 'integer',
    group: LIMITS,
    default: 'a tenth of --max-runs',
    help: 'Maximum number of runs at a time of one contact, waiting ones included',
  },
  'queue-limit': {
    type: 'integer',
    group: LIMITS,
    default: '64',
    help: 'Maximum number of messages that wait in a thread',
  },
  'on-busy': {
    type: 'text',
    group: LIMITS,
    default: 'queue',
    help: 'What happens to a message for a thread that is busy: queue, reject or interrupt',
  },
  'max-streams': {
    type: 'integer',
    group: LIMITS,
    default: '10000',
    help: 'Maximum number of open streams in this process',
  },
  'max-streams-per-caller': {
    type: 'integer',
    group: LIMITS,
    default: 'a tenth of --max-streams',
    help: 'Maximum number of open streams of one contact',
  },
  'reader-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '60',
    help: 'Seconds that a client may leave an answer unread before it is cut off',
  },
  'request-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '30',
    help: 'Seconds that a request may take to arrive',
  },
  'keep-alive-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '75',
    help: 'Seconds that an idle connection stays open; set it higher than that of a proxy in front',
  },
  'idempotency-ttl': {
    type: 'integer',
    group: LIMITS,
    default: '86400',
    help: 'Seconds that an Idempotency-Key is remembered',
  },
  'question-ttl': {
    type: 'integer',
    group: LIMITS,
    default: '2592000',
    help: 'Maximum seconds that a question of a pipeline waits for its answer',
  },
  'retention-days': {
    type: 'integer',
    group: LIMITS,
    help: 'Remove threads that had no event for this many days; by default they are kept',
  },
  'lease-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '15',
    help: 'Seconds after which a silent process is considered dead',
  },
  'enable-sentry': { type: 'flag', group: OBSERVING, help: 'Report errors and traces to Sentry' },
  'trace-content': {
    type: 'flag',
    group: OBSERVING,
    help: 'Include prompts and answers in traces',
  },
  verbose: {
    type: 'flag',
    group: OBSERVING,
    help: 'Log each step of the start, and more; show the stack of a start error',
  },
  version: { type: 'flag', group: OBSERVING, help: 'Show the version and exit' },
  help: { type: 'flag', group: OBSERVING, help: 'Show this message and exit' },
} as const satisfies OptionTable;

export type OptionName = keyof typeof OPTIONS;

export const HEAD = `Usage: jims-api [OPTIONS]
       jims-api dev [FILE] [OPTIONS]
       jims-api export [OPTIONS]

Serves a JIMS app over HTTP. With dev it serves an app that you work on, with a page to talk with it:
jims-api dev --help. With export it writes threads, or messages that contacts rated, as JSON lines:
jims-api export --help.
`;

export const EXAMPLES = `Examples:
  jims-api --app ./app.ts:app
  JIMS_API_KEY=s3cret jims-api --app ./app.ts --db postgresql://jims@localhost/jims

Each option is also an environment variable (in brackets), and may be set in a file .env in the
current folder. Flags win over the environment, the environment over .env.
`;
