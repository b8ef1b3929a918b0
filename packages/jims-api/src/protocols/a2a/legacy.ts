// A2A 0.3, which many clients still speak: the same messages with other names.
import type { JsonObject } from 'jims-core';

import { isJsonObject } from '../../http/json-object.ts';
import { pushConfigFromLegacy } from './push/push-config.ts';
import type {
  Artifact,
  Message,
  Part,
  StreamResponse,
  Task,
  TaskState,
  TaskStatus,
} from './wire.ts';

/** The names in 1.0 of the methods of 0.3. */
export const LEGACY_METHODS: ReadonlyMap<string, string> = new Map([
  ['message/send', 'SendMessage'],
  ['message/stream', 'SendStreamingMessage'],
  ['tasks/get', 'GetTask'],
  ['tasks/cancel', 'CancelTask'],
  ['tasks/resubscribe', 'SubscribeToTask'],
  ['tasks/pushNotificationConfig/set', 'CreateTaskPushNotificationConfig'],
  ['tasks/pushNotificationConfig/get', 'GetTaskPushNotificationConfig'],
  ['tasks/pushNotificationConfig/list', 'ListTaskPushNotificationConfigs'],
  ['tasks/pushNotificationConfig/delete', 'DeleteTaskPushNotificationConfig'],
  ['agent/getAuthenticatedExtendedCard', 'GetExtendedAgentCard'],
]);

const STATES: Readonly<Record<TaskState, string>> = {
  TASK_STATE_SUBMITTED: 'submitted',
  TASK_STATE_WORKING: 'working',
  TASK_STATE_INPUT_REQUIRED: 'input-required',
  TASK_STATE_COMPLETED: 'completed',
  TASK_STATE_FAILED: 'failed',
  TASK_STATE_CANCELED: 'canceled',
};
const ROLES: Readonly<Record<string, string>> = { user: 'ROLE_USER', agent: 'ROLE_AGENT' };

/** Converts params of 0.3 to 1.0; what is not valid in 0.3 is left for 1.0 to refuse. */
export function fromLegacy(params: JsonObject): JsonObject {
  const { message, configuration } = params;
  return {
    ...params,
    ...(isJsonObject(message) && { message: messageFromLegacy(message) }),
    ...(isJsonObject(configuration) && { configuration: configurationFromLegacy(configuration) }),
  };
}

function messageFromLegacy(message: JsonObject): JsonObject {
  const { role, parts } = message;
  return {
    ...message,
    ...(typeof role === 'string' && { role: ROLES[role] ?? role }),
    ...(Array.isArray(parts) && { parts: parts.map(partFromLegacy) }),
  };
}

/** A part of an unknown kind is emptied, so that no text in it is taken for the message. */
function partFromLegacy(part: unknown): unknown {
  if (!isJsonObject(part) || part['kind'] === 'text') return part;
  const { kind, file, data } = part;
  if (kind === 'data' && data !== undefined) return { data };
  if (kind !== 'file' || !isJsonObject(file)) return {};
  const { bytes: raw, uri: url, name: filename, mimeType: mediaType } = file;
  const named = {
    ...(filename !== undefined && { filename }),
    ...(mediaType !== undefined && { mediaType }),
  };
  return { ...(raw === undefined ? { url } : { raw }), ...named };
}

function configurationFromLegacy({ blocking, ...rest }: JsonObject): JsonObject {
  const { pushNotificationConfig, ...configuration } = rest;
  return {
    ...configuration,
    returnImmediately: blocking === false,
    ...(pushNotificationConfig !== undefined && {
      taskPushNotificationConfig: pushConfigFromLegacy(pushNotificationConfig),
    }),
  };
}

/** Converts an event of a stream to 0.3. */
export function toLegacy(response: StreamResponse): object {
  if ('task' in response) return legacyTask(response.task);
  if ('statusUpdate' in response) {
    const { status, ...update } = response.statusUpdate;
    // That which the stream ends with has the thread, also when the task works on until a service has answered.
    const final = update.metadata?.['thread_id'] !== undefined;
    return { kind: 'status-update', ...update, status: legacyStatus(status), final };
  }
  const { artifact, ...update } = response.artifactUpdate;
  return { kind: 'artifact-update', ...update, artifact: legacyArtifact(artifact) };
}

/** Converts a task to 0.3. */
export function legacyTask({ status, artifacts, history, ...task }: Task): object {
  return {
    kind: 'task',
    ...task,
    status: legacyStatus(status),
    ...(artifacts && { artifacts: artifacts.map(legacyArtifact) }),
    ...(history && { history: history.map(legacyMessage) }),
  };
}

function legacyStatus({ state, timestamp, message }: TaskStatus): {
  readonly state: string;
  readonly timestamp: string;
  readonly message?: object;
} {
  return {
    state: STATES[state],
    timestamp,
    ...(message && { message: legacyMessage(message) }),
  };
}

function legacyMessage({ role, parts, ...message }: Message): object {
  return {
    kind: 'message',
    ...message,
    role: role === 'ROLE_USER' ? 'user' : 'agent',
    parts: parts.map(legacyPart),
  };
}

function legacyArtifact({ parts, ...artifact }: Artifact): object {
  return { ...artifact, parts: parts.map(legacyPart) };
}

function legacyPart(part: Part): object {
  if ('text' in part) return { kind: 'text', ...part };
  if ('data' in part) return { kind: 'data', ...part };
  const { url: uri, filename: name, mediaType: mimeType } = part;
  return { kind: 'file', file: { uri, name, mimeType } };
}
