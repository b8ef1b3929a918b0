// The public names of the package, all of them: a new name has to be added here, too.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exportedNames } from '../../jims-core/test/support/exported-names.ts';

test('jims-client exports these names and no others', async () => {
  const names = exportedNames(new URL('../src/index.ts', import.meta.url));
  assert.deepEqual(names.values, ['JimsApiError', 'JimsClient']);
  assert.deepEqual(Object.keys(await import('jims-client')).toSorted(), names.values);
  assert.deepEqual(names.types, [
    'AskedQuestion',
    'CallOptions',
    'Chat',
    'ChatAnswer',
    'ChatButton',
    'ChatFeedback',
    'ChatFile',
    'ChatMessage',
    'ChatQuestion',
    'ChatRequest',
    'ChatRun',
    'ChatSnapshot',
    'ChatSource',
    'ChatWork',
    'EventListOptions',
    'EventPage',
    'FeedbackPage',
    'Fetch',
    'FileAddress',
    'ForkOptions',
    'Include',
    'JimsClientOptions',
    'JimsFiles',
    'JimsRuns',
    'JimsThreads',
    'JsonObject',
    'MessageFeedback',
    'MessageFile',
    'MessageOptions',
    'MessageSource',
    'ModelUsage',
    'OpenChatOptions',
    'PageOptions',
    'Run',
    'RunPage',
    'RunSummary',
    'SaidInRun',
    'SendOptions',
    'SseMessage',
    'StoredFile',
    'StreamData',
    'StreamEvent',
    'StreamOptions',
    'Thread',
    'ThreadEvent',
    'ThreadExport',
    'ThreadListOptions',
    'ThreadPage',
    'UploadOptions',
    'Work',
  ]);
  assert.deepEqual(Object.keys(await import('jims-client/react')), ['useJimsChat']);
});
