// Push notification configs over HTTP+JSON.
import * as v from 'valibot';

import { isJsonObject } from '../../../http/json-object.ts';
import { inPath } from '../../../http/parameters.ts';
import { route } from '../../../http/route.ts';
import type { ApiContext, Call, ErrorStatus, Parameter, Route } from '../../../http/route.ts';
import { bodyOf } from '../failures.ts';
import { answerJson, begun } from '../rest.ts';
import { PushConfigBody } from './push-config.ts';
import {
  createPushConfig,
  deletePushConfig,
  getPushConfig,
  listPushConfigs,
} from './push-methods.ts';
import type { PushParams } from './push-methods.ts';

const CONFIGS = '/a2a/rest/tasks/:task/pushNotificationConfigs';
const EXAMPLE = {
  id: 'mine',
  taskId: '0190d3a0-abcd-7222-8333-444444444446',
  url: 'https://client.example/hook',
};

const tags = ['a2a'];
const errors: readonly ErrorStatus[] = [400, 401, 404];
const TASK: Parameter = inPath('task', 'The id of a task', v.string());
const CONFIG: Parameter = { ...TASK, name: 'config', description: 'The id of a config' };

export const pushRoutes: readonly Route[] = [
  route.post(CONFIGS, answering(createPushConfig), {
    operationId: 'a2a_create_push_config',
    summary: 'Be sent what becomes of a task, where the service allows it',
    tags,
    parameters: [TASK],
    request: PushConfigBody,
    responses: { 200: { description: 'The config', example: EXAMPLE } },
    errors: [...errors, 413],
  }),
  route.get(CONFIGS, answering(listPushConfigs), {
    operationId: 'a2a_list_push_configs',
    summary: 'The push notification configs of a task that the caller made',
    tags,
    parameters: [TASK],
    responses: { 200: { description: 'The configs', example: { configs: [EXAMPLE] } } },
    errors,
  }),
  route.get(`${CONFIGS}/:config`, answering(getPushConfig), {
    operationId: 'a2a_get_push_config',
    summary: 'A push notification config of a task',
    tags,
    parameters: [TASK, CONFIG],
    responses: { 200: { description: 'The config', example: EXAMPLE } },
    errors,
  }),
  route.delete(
    `${CONFIGS}/:config`,
    answering(deletePushConfig),
    {
      operationId: 'a2a_delete_push_config',
      summary: 'Delete a push notification config, with what was to be sent',
      tags,
      parameters: [TASK, CONFIG],
      responses: { 200: { description: 'It is deleted, or was not there', example: {} } },
      errors,
    },
    { bodyless: true },
  ),
];

/** What the path names counts, whatever the body says. */
function answering(
  method: (api: ApiContext, call: Call, params: PushParams) => Promise<object | null>,
): Route['handle'] {
  return async (api, given) => {
    const call = begun(given);
    const { task: taskId, config: id } = call.params;
    const body = call.request.method === 'POST' ? await bodyOf(call) : {};
    const params = { ...(isJsonObject(body) ? body : {}), taskId, ...(id !== undefined && { id }) };
    return answerJson(call, {}, (await method(api, call, { params, legacy: false })) ?? {});
  };
}
