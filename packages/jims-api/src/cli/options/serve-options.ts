import { CLIENT_EVENT_TYPES } from '../../chat/event-types.ts';
import { PROTOCOLS, isProtocolName } from '../../protocols/registry.ts';
import { ACCESS_GROUP, ACCESS_OPTIONS } from './access-options.ts';
import type { OptionTable } from './option-table.ts';

export const ALL_PROTOCOLS = Object.keys(PROTOCOLS).filter(isProtocolName);

const APP = 'App';
const NETWORK = 'Network';
const LIMITS = 'Limits';
const WATCHING = 'Watching';

/** The one table of what the command can be told. */
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
    help: 'Where threads are kept: sqlite:///FILE or postgresql://USER@HOST/DATABASE',
  },
  schema: {
    type: 'text',
    group: APP,
    help: 'PostgreSQL schema of the threads, when several apps share a database',
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
  'require-contact-header': {
    type: 'flag',
    group: ACCESS_GROUP,
    help: 'Refuse requests of services that do not name a contact by x-jims-contact-id',
  },
  'shared-threads': {
    type: 'flag',
    group: ACCESS_GROUP,
    help: 'Let any caller use any thread whose id it knows, as the Python original does',
  },
  'allowed-event-types': {
    type: 'text',
    group: ACCESS_GROUP,
    several: true,
    default: CLIENT_EVENT_TYPES.join(','),
    help: 'Event types that clients may send; * stands for anything, ! forbids',
  },
  'expose-errors': {
    type: 'flag',
    group: ACCESS_GROUP,
    help: 'Show the text of pipeline errors to clients; for development',
  },
  'cors-origin': {
    type: 'text',
    group: NETWORK,
    several: true,
    help: 'Whose pages may call from a browser, such as https://app.example; several allowed',
  },
  'public-url': {
    type: 'text',
    group: NETWORK,
    help: 'Where clients reach the service, such as https://chat.example; wanted behind a proxy',
  },
  'allowed-host': {
    type: 'text',
    group: NETWORK,
    several: true,
    help: 'A host name that requests may be sent to, such as chat.example; needed by name without keys or on a loopback address',
  },
  protocols: {
    type: 'text',
    group: NETWORK,
    several: true,
    default: 'all',
    help: `What is spoken beside /api/v1: all, none, or some of ${ALL_PROTOCOLS.join(', ')}`,
  },
  'max-body-size': {
    type: 'integer',
    group: LIMITS,
    default: '4194304',
    help: 'Bytes of a request body',
  },
  'max-message-size': {
    type: 'integer',
    group: LIMITS,
    default: '262144',
    help: 'Bytes of one new message of a client',
  },
  'max-config-size': {
    type: 'integer',
    group: LIMITS,
    default: '131072',
    help: 'Bytes of a thread_config or metadata that a client sends',
  },
  'max-thread-size': {
    type: 'integer',
    group: LIMITS,
    default: '16777216',
    help: 'Bytes of a thread that a run loads: its newest events, and its states',
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
    help: 'Seconds that runs get to finish when the service is stopped',
  },
  'max-runs': {
    type: 'integer',
    group: LIMITS,
    default: '1024',
    help: 'Runs at once in this process',
  },
  'max-runs-per-caller': {
    type: 'integer',
    group: LIMITS,
    default: 'a tenth of --max-runs',
    help: 'Runs at once of one contact, waiting ones included',
  },
  'queue-limit': {
    type: 'integer',
    group: LIMITS,
    default: '64',
    help: 'Messages that may wait in a thread',
  },
  'on-busy': {
    type: 'text',
    group: LIMITS,
    default: 'queue',
    help: 'A message to a thread that has a run already: queue, reject or interrupt',
  },
  'max-streams': {
    type: 'integer',
    group: LIMITS,
    default: '10000',
    help: 'Streams that may be open in this process',
  },
  'max-streams-per-caller': {
    type: 'integer',
    group: LIMITS,
    default: 'a tenth of --max-streams',
    help: 'Streams that one contact may have open',
  },
  'reader-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '60',
    help: 'Seconds that a client may read nothing of an answer that waits for it',
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
    help: 'Seconds that an idle connection stays open: more than the proxy before it keeps it',
  },
  'idempotency-ttl': {
    type: 'integer',
    group: LIMITS,
    default: '86400',
    help: 'Seconds that an Idempotency-Key is remembered',
  },
  'retention-days': {
    type: 'integer',
    group: LIMITS,
    help: 'Removes threads that had no event for so many days; kept for ever unless given',
  },
  'lease-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '15',
    help: 'Seconds after which a process that is not heard of is taken for dead',
  },
  'enable-sentry': { type: 'flag', group: WATCHING, help: 'Report errors and traces to Sentry' },
  'trace-content': {
    type: 'flag',
    group: WATCHING,
    help: 'Put prompts and answers into traces, too',
  },
  verbose: {
    type: 'flag',
    group: WATCHING,
    help: 'Log each step of the start, and more; show the stack of an error at start',
  },
  version: { type: 'flag', group: WATCHING, help: 'Show the version and exit' },
  help: { type: 'flag', group: WATCHING, help: 'Show this message and exit' },
} as const satisfies OptionTable;

export type OptionName = keyof typeof OPTIONS;
