import { DEFAULT_FILE_LIMITS } from 'jims-core';

import { CLIENT_EVENT_TYPES } from '../../chat/event-types.ts';
import { PROTOCOLS, isProtocolName } from '../../protocols/registry.ts';
import type { GivenOptions } from './given-options.ts';
import type { OptionGroups } from './option-table.ts';

export const ALL_PROTOCOLS = Object.keys(PROTOCOLS).filter(isProtocolName);

/** All options of the command, as its help groups them. */
export const OPTION_GROUPS = {
  App: {
    app: { default: 'app', help: 'The app: FILE:EXPORT, such as ./app.ts:app' },
    db: {
      default: 'sqlite:///jims.db',
      variables: ['JIMS_DB_CONN_URI'],
      help: 'Where threads are stored: sqlite:///FILE or postgresql://USER@HOST/DATABASE',
    },
    schema: { help: 'PostgreSQL schema for the threads, when several apps share a database' },
    files: {
      default: 'with the database',
      help: 'Where files of messages are stored: file:///FOLDER or s3://BUCKET/PREFIX?region=REGION',
    },
    recover: {
      default: 'on',
      help: 'Whether to go on with durable runs and open questions of other processes: on or off; off for a copy of a database',
    },
    loader: { default: 'auto', help: 'How TypeScript is loaded: auto, native or tsx' },
  },
  Network: {
    host: { default: '0.0.0.0', help: 'Address to listen on' },
    port: { type: 'integer', default: '8080', help: 'Port of the API' },
    'metrics-host': { default: 'as --host', help: 'Address of the metrics' },
    'metrics-port': { type: 'integer', default: '8000', help: 'Port of the Prometheus metrics' },
    'public-url': {
      help: 'Where clients reach the service, such as https://chat.example; set it behind a proxy',
    },
    'allowed-host': {
      several: true,
      help: 'A host name that requests may be sent to, such as chat.example; needed without keys, and on a loopback address',
    },
    'webhook-hosts': {
      several: true,
      help: 'Where clients may have push notifications sent: *.example.com, * for any public host, both by https alone, or exactly hooks.example or receiver:8080; by default nothing is sent',
    },
    'webhook-secret': {
      several: true,
      help: 'Secret that signs what is sent there (Standard Webhooks): whsec_ and 24 to 64 bytes in base64; several, with commas or spaces between them, all sign. Prefer the variable',
    },
    playground: {
      type: 'flag',
      help: 'Serve the playground at /: a page to talk with the app, and to see what happens in it; it asks for a key where the API does',
    },
    widget: { type: 'flag', help: 'Serve <jims-chat> as /widget.js, for the pages of your site' },
    'cors-origin': {
      several: true,
      help: 'Origin whose pages may call from a browser, such as https://app.example; may be repeated',
    },
    protocols: {
      several: true,
      default: 'all',
      help: `Protocols besides /api/v1: all, none, or some of ${ALL_PROTOCOLS.join(', ')}`,
    },
  },
  Access: {
    'api-key': {
      several: true,
      help: 'Bearer key that callers must send; for several keys repeat it, or put commas into the variable. Prefer the variable: ps shows flags to everybody on the machine',
    },
    'oidc-issuer': {
      help: 'OpenID Connect issuer whose tokens identify contacts, exactly as in their claim iss',
    },
    'oidc-audience': {
      several: true,
      help: 'What the claim aud of such a token must contain; with several values, one of them',
    },
    'oidc-contact-claim': { default: 'sub', help: 'The claim that is the contact id' },
    'oidc-jwks-url': { default: 'by discovery', help: "Where the issuer's keys are" },
    'authentik-url': { help: 'Authentik instance that checks tokens' },
    'authentik-app-slug': { help: 'The application in Authentik' },
    'authentik-contact-claim': {
      help: "Makes callers contacts: the claim of Authentik's userinfo that is their contact id",
    },
    'authentik-cache': {
      type: 'integer',
      default: '0; 30 with --authentik-contact-claim',
      help: 'Seconds that a yes from Authentik is trusted; a no for at most 5',
    },
    'contact-prefix': { help: 'Prefix for the contact id of a token, such as user:' },
    'require-contact-header': {
      type: 'flag',
      help: 'Refuse requests from services that do not name a contact in x-jims-contact-id',
    },
    'shared-threads': {
      type: 'flag',
      help: 'Let callers use any thread whose id they know, as the Python original does',
    },
    'file-address-key': {
      several: true,
      help: 'Secret of at least 32 characters that signs addresses of files, so that browsers get them without a key for a day; the first one signs, all are accepted. Prefer the variable',
    },
    'allowed-event-types': {
      several: true,
      default: CLIENT_EVENT_TYPES.join(','),
      help: 'Event types that clients may send; * matches anything, ! forbids',
    },
    'contact-event-types': {
      several: true,
      help: 'Event types that contacts may append to their threads without a run, such as ui.*; by default none',
    },
    'expose-errors': {
      type: 'flag',
      help: 'Show the text of pipeline errors to clients; for development',
    },
  },
  Limits: {
    'max-body-size': {
      type: 'integer',
      default: '4194304',
      help: 'Maximum bytes of a request body',
    },
    'max-message-size': {
      type: 'integer',
      default: '262144',
      help: 'Maximum bytes of one new message from a client',
    },
    'max-config-size': {
      type: 'integer',
      default: '131072',
      help: 'Maximum bytes of a thread_config or metadata from a client',
    },
    'max-file-size': {
      type: 'integer',
      default: String(DEFAULT_FILE_LIMITS.maxFileBytes),
      help: 'Maximum bytes of a file',
    },
    'max-contact-files-size': {
      type: 'integer',
      default: String(DEFAULT_FILE_LIMITS.maxContactFileBytes),
      help: 'Maximum bytes of all files of one contact',
    },
    'file-types': {
      several: true,
      default: 'all but programs',
      help: 'Media types of files that are taken, such as image/*,application/pdf; ! forbids',
    },
    'max-thread-size': {
      type: 'integer',
      default: '16777216',
      help: 'Maximum bytes of a thread that a run loads: its newest events and its states',
    },
    'run-timeout': { type: 'integer', default: '300', help: 'Seconds a pipeline may take' },
    'drain-timeout': {
      type: 'integer',
      default: '30',
      help: 'Seconds that runs get to finish when the service stops',
    },
    'max-runs': {
      type: 'integer',
      default: '1024',
      help: 'Maximum number of runs at a time in this process',
    },
    'max-runs-per-caller': {
      type: 'integer',
      default: 'a tenth of --max-runs',
      help: 'Maximum number of runs at a time of one contact, waiting ones included',
    },
    'queue-limit': {
      type: 'integer',
      default: '64',
      help: 'Maximum number of messages that wait in a thread',
    },
    'on-busy': {
      default: 'queue',
      help: 'What happens to a message for a thread that is busy: queue, reject or interrupt',
    },
    'max-streams': {
      type: 'integer',
      default: '10000',
      help: 'Maximum number of open streams in this process',
    },
    'max-streams-per-caller': {
      type: 'integer',
      default: 'a tenth of --max-streams',
      help: 'Maximum number of open streams of one contact',
    },
    'reader-timeout': {
      type: 'integer',
      default: '60',
      help: 'Seconds that a client may leave an answer unread before it is cut off',
    },
    'request-timeout': {
      type: 'integer',
      default: '30',
      help: 'Seconds that a request may take to arrive',
    },
    'keep-alive-timeout': {
      type: 'integer',
      default: '75',
      help: 'Seconds that an idle connection stays open; set it higher than that of a proxy in front',
    },
    'idempotency-ttl': {
      type: 'integer',
      default: '86400',
      help: 'Seconds that an Idempotency-Key is remembered',
    },
    'question-ttl': {
      type: 'integer',
      default: '2592000',
      help: 'Maximum seconds that a question of a pipeline waits for its answer',
    },
    'retention-days': {
      type: 'integer',
      help: 'Remove threads that had no event for this many days; by default they are kept',
    },
    'lease-timeout': {
      type: 'integer',
      default: '15',
      help: 'Seconds after which a silent process is considered dead',
    },
  },
  Observability: {
    'enable-sentry': { type: 'flag', help: 'Report errors and traces to Sentry' },
    'trace-content': { type: 'flag', help: 'Include prompts and answers in traces' },
    verbose: {
      type: 'flag',
      help: 'Log each step of the start, and more; show the stack of a start error',
    },
    version: { type: 'flag', help: 'Show the version and exit' },
    help: { type: 'flag', help: 'Show this message and exit' },
  },
} as const satisfies OptionGroups;

export const OPTIONS = {
  ...OPTION_GROUPS.App,
  ...OPTION_GROUPS.Network,
  ...OPTION_GROUPS.Access,
  ...OPTION_GROUPS.Limits,
  ...OPTION_GROUPS.Observability,
};

export type OptionName = keyof typeof OPTIONS;

/** What was given for them. */
export type Given = GivenOptions<OptionName>;

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
