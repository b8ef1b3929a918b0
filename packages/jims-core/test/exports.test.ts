// The public names of the package, all of them: a new name has to be added here, too.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exportedNames } from './support/exported-names.ts';

test('jims-core exports these names and no others', async () => {
  const values = [
    'DEFAULT_RUN_LIMITS',
    'DEFAULT_STORE_URL',
    'JimsApp',
    'JimsError',
    'defineApp',
    'eventDomain',
    'eventName',
    'isInternalEvent',
    'isJimsApp',
    'isJimsError',
    'isRunEnd',
    'newEvent',
    'newId',
    'openStore',
  ];
  const types = [
    'AcceptRequest',
    'AcceptResult',
    'AcceptedRun',
    'AgentStatus',
    'AppRuns',
    'AppThreads',
    'AppendOptions',
    'Button',
    'CancelReason',
    'CommunicationEvent',
    'EventList',
    'EventPage',
    'EventPosition',
    'FailedRun',
    'FinishResult',
    'FreshEvents',
    'IdempotencyKey',
    'InstanceStore',
    'JimsAppOptions',
    'JimsErrorCode',
    'JsonObject',
    'ListenOptions',
    'LogTail',
    'Logger',
    'MessageRequest',
    'Metrics',
    'NewEvent',
    'NewThread',
    'NumberedRunEvent',
    'OnBusy',
    'OpenOptions',
    'OpenStoreOptions',
    'Pipeline',
    'PolledRun',
    'Principal',
    'PurgeLimits',
    'PurgeResult',
    'ReadBounds',
    'ReapResult',
    'RecentEvents',
    'Run',
    'RunEnd',
    'RunErrorRecord',
    'RunEvent',
    'RunEvents',
    'RunLimits',
    'RunNews',
    'RunOutcomeRecord',
    'RunOwnProgress',
    'RunOwner',
    'RunPosition',
    'RunProgress',
    'RunRecord',
    'RunRequest',
    'RunResult',
    'RunStatus',
    'RunStore',
    'RunThread',
    'SeenRun',
    'StartedRun',
    'Store',
    'TailQuery',
    'Thread',
    'ThreadContext',
    'ThreadController',
    'ThreadEvent',
    'ThreadFeedOptions',
    'ThreadList',
    'ThreadQuery',
    'ThreadStore',
  ];
  assert.deepEqual(Object.keys(await import('jims-core')).toSorted(), values);
  assert.deepEqual(exportedNames(new URL('../src/index.ts', import.meta.url)), { values, types });
});

test('jims-core/llm exports these names and no others', async () => {
  const values = ['createLlmProvider', 'readUsage'];
  const types = [
    'AnswerSchema',
    'AnswerStream',
    'AssistantMessage',
    'CallOptions',
    'CallUsage',
    'ChatMessage',
    'ChatMessages',
    'ChatModel',
    'ChatOptions',
    'CompatibleServer',
    'ContentPart',
    'EmbeddingsModel',
    'FinishReason',
    'Llm',
    'LlmProvider',
    'LlmRunOptions',
    'LlmSettings',
    'ModelUsage',
    'ProviderData',
    'RankedDocument',
    'RerankOptions',
    'StructuredOptions',
    'Tool',
    'ToolCall',
    'ToolChoice',
    'ToolsAnswer',
    'ToolsOptions',
  ];
  assert.deepEqual(Object.keys(await import('jims-core/llm')).toSorted(), values);
  assert.deepEqual(exportedNames(new URL('../src/llm.ts', import.meta.url)), { values, types });
});

test('jims-core/host exports these names and no others', async () => {
  const values = [
    'MAX_PIECE_CHARS',
    'cleanJson',
    'createCallerShares',
    'defaultShare',
    'describeError',
    'failCurrentRun',
    'onTracingFault',
    'openByDefault',
    'pipelineName',
    'plainError',
    'supersededBy',
    'textPieces',
    'withCallersTrace',
  ];
  const types = ['CallerShares', 'TraceIds'];
  assert.deepEqual(Object.keys(await import('jims-core/host')).toSorted(), values);
  assert.deepEqual(exportedNames(new URL('../src/host.ts', import.meta.url)), { values, types });
});

test('jims-core/testing exports these names and no others', async () => {
  assert.deepEqual(Object.keys(await import('jims-core/testing')), ['runPipeline']);
});
