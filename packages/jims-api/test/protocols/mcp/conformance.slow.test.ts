// The official conformance suite, offline, for what each of its revisions requires. What fails is listed
// with its reason, where the specification has one in its words, and a line that is not needed any more fails
// the test, too.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { serveApp } from '../../support/listening-app.ts';
import { suitePipeline, withSuiteTools } from './suite-tools.ts';

const run = promisify(execFile);
const SUITE = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));

/** The scenarios that fail by the reason; `scenario:check` where others of its checks pass. */
type Expected = Readonly<Record<string, readonly string[]>>;

/** Of both revisions. */
const NOT_SPOKEN: Expected = {
  'An app has no prompts, and no arguments to complete': [
    'completion-complete',
    'prompts-list',
    'prompts-get-simple',
    'prompts-get-with-args',
    'prompts-get-embedded-resource',
    'prompts-get-with-image',
  ],
  'It wants a tool of its own arguments; the only one is `chat`': ['json-schema-2020-12'],
};

const REVISIONS: Readonly<Record<string, Expected>> = {
  '2025-11-25': {
    ...NOT_SPOKEN,
    'A file never changes: there is nothing to subscribe to': [
      'resources-subscribe',
      'resources-unsubscribe',
    ],
    'The app logs on its own server': ['logging-set-level', 'tools-call-with-logging'],
    'The app calls its own models': ['tools-call-sampling'],
  },
  '2026-07-28': {
    ...NOT_SPOKEN,
    'It lists and gets prompts': [
      'input-required-result-non-tool-request',
      'caching:sep-2549-prompts-list-caching-hints',
    ],
    'The app calls its own models, and reads no folders of its clients': [
      'input-required-result-basic-sampling',
      'input-required-result-basic-list-roots',
      'input-required-result-multiple-input-requests',
      'input-required-result-capability-check',
    ],
    // A client that cannot be asked gets the question as the answer of the tool.
    'If processing a request requires a capability the client did not include': [
      'server-stateless:sep-2575-server-rejects-undeclared-capability',
      'server-stateless:sep-2575-missing-capability-http-400',
    ],
    // It answers at once a question that this server sends with a state.
    'The client MUST echo back the exact value of that field when retrying the original request': [
      'input-required-result-ignore-extra-params',
    ],
    'No argument of the tool is repeated in a header': ['http-custom-header-server-validation'],
    // Each call can be answered without a task.
    'If a server is unable to service a request … without returning CreateTaskResult': [
      'tasks-required-task-error',
    ],
    // What fails in a run is a result with `isError`, of a task as of a call.
    'This status MUST NOT be used for non-JSON-RPC errors': [
      'tasks-lifecycle:sep-2663-tasks-get-status-failed',
    ],
    // A pipeline asks one question at a time; all that are open are sent.
    'inputRequests MUST contain all outstanding requests': [
      'tasks-mrtr-input:tasks-mrtr-partial-fulfillment',
    ],
  },
};

for (const [revision, expected] of Object.entries(REVISIONS)) {
  test(`the conformance suite passes for ${revision}, but for what is listed`, async () => {
    const options = { allowedHosts: [], exposeErrors: true };
    await using served = await serveApp({ pipeline: suitePipeline }, options);
    await using tools = await withSuiteTools(served.origin);
    const folder = mkdtempSync(join(tmpdir(), 'jims-mcp-suite-'));
    try {
      const file = join(folder, 'expected.yaml');
      writeFileSync(file, JSON.stringify({ server: Object.values(expected).flat() }));
      const args = ['--url', tools.url, '--requirements', revision, '--expected-failures', file];
      const { stdout } = await run(process.execPath, [
        SUITE,
        'server',
        ...args,
        '-o',
        folder,
      ]).catch((error: { readonly stdout?: string }) => assert.fail(error.stdout?.slice(-6000)));
      assert.match(stdout, /SUMMARY/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
