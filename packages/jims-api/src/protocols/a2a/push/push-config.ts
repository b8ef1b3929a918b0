// How clients write a push notification config, in 1.0 and in 0.3, and how it is kept.
import type { JsonObject, NewSubscription } from 'jims-core';
import * as v from 'valibot';

import { parseBody } from '../../../http/fastapi/validation.ts';
import { isJsonObject } from '../../../http/json-object.ts';
import { described, titled } from '../../../http/schema.ts';

const MAX_ID = 200;
const MAX_URL = 2048;
const MAX_SECRET = 4096;

/** What a header may hold: it could not be sent otherwise. */
const headerText = v.pipe(
  v.string(),
  v.maxLength(MAX_SECRET),
  v.regex(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/),
);

/** In ProtoJSON an empty string and a missing one are the same. */
function optionalText(
  schema: v.GenericSchema<string>,
): v.GenericSchema<string | null | undefined, string | undefined> {
  return v.pipe(
    v.nullish(schema),
    v.transform((text) => text || undefined),
  );
}

const Authentication = v.object({
  scheme: v.pipe(
    v.string(),
    v.maxLength(100),
    v.regex(/^[\w!#$%&'*+.^`|~-]+$/),
    v.description('Such as Bearer: the scheme of the header Authorization'),
  ),
  credentials: optionalText(described(headerText, 'What comes after the scheme')),
});

/** A push notification config of 1.0. */
export const PushConfigBody = titled('A2APushNotificationConfig', {
  id: optionalText(
    v.pipe(
      v.string(),
      v.maxLength(MAX_ID),
      v.description('Your name of it, by which it is replaced; default the id of the task'),
    ),
  ),
  url: v.pipe(v.string(), v.maxLength(MAX_URL), v.description('Where to send')),
  token: optionalText(
    described(headerText, 'Comes with each notification, as X-A2A-Notification-Token'),
  ),
  authentication: v.nullish(Authentication),
});

/** A config, and the version of A2A that its client speaks. */
export type PushConfig = v.InferOutput<typeof PushConfigBody> & Pick<KeptConfig, 'version'>;

/** @throws HttpError 422 */
export function decodePushConfig(value: unknown): PushConfig {
  const isLegacy = isJsonObject(value) && value['version'] === LEGACY;
  return { ...parseBody(PushConfigBody, value), version: isLegacy ? LEGACY : '1.0' };
}

/** What a config of 0.3 has when it was converted. */
const LEGACY = '0.3';

const Caller = v.variant('kind', [
  v.object({ kind: v.literal('service'), id: v.string() }),
  v.object({ kind: v.literal('contact'), id: v.string(), contactId: v.string() }),
]);

const Kept = v.object({
  url: v.string(),
  token: v.optional(v.string()),
  authentication: v.nullish(v.object({ scheme: v.string(), credentials: v.optional(v.string()) })),
  version: v.picklist(['1.0', LEGACY]),
  caller: Caller,
  answersInStatus: v.boolean(),
  address: v.string(),
  sender: v.optional(v.string()),
});

/** What is kept of a config, and of the request that made it: nothing else that these have. */
export type KeptConfig = v.InferOutput<typeof Kept>;

export function keptConfig({ config }: Pick<NewSubscription, 'config'>): KeptConfig {
  return v.parse(Kept, config);
}

/** A config as its owner gets it. */
export function pushConfigOf(subscription: NewSubscription): JsonObject {
  const { url, token, authentication } = keptConfig(subscription);
  return {
    id: subscription.name,
    taskId: subscription.chainId,
    url,
    ...(token !== undefined && { token }),
    ...(authentication && { authentication }),
  };
}

/** The same, as 0.3 has it. */
export function legacyPushConfigOf(subscription: NewSubscription): JsonObject {
  const { taskId, authentication, ...config } = pushConfigOf(subscription);
  const { scheme, ...rest } = isJsonObject(authentication) ? authentication : {};
  return {
    taskId,
    pushNotificationConfig: {
      ...config,
      ...(scheme !== undefined && { authentication: { schemes: [scheme], ...rest } }),
    },
  };
}

/** Converts a config of 0.3 to 1.0; what is not valid in 0.3 is left for 1.0 to refuse. */
export function pushConfigFromLegacy(config: unknown): unknown {
  if (!isJsonObject(config)) return config;
  const { authentication } = config;
  const marked = { ...config, version: LEGACY };
  if (!isJsonObject(authentication)) return marked;
  const { schemes, ...rest } = authentication;
  const scheme: unknown = Array.isArray(schemes) ? schemes[0] : schemes;
  return { ...marked, authentication: { ...rest, scheme } };
}

/** Converts the params of 0.3's methods about configs. */
export function pushParamsFromLegacy(params: JsonObject): JsonObject {
  const { id, pushNotificationConfigId, taskId = id, pushNotificationConfig } = params;
  const config = pushConfigFromLegacy(pushNotificationConfig);
  const { metadata } = params;
  return {
    ...(isJsonObject(config) ? config : { id: pushNotificationConfigId }),
    taskId,
    metadata,
  };
}
