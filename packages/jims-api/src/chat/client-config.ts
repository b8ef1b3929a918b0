// The config of a thread is the operator's and the app's. A contact writes one member of it.
import type { JsonObject, Principal } from 'jims-core';

import { isJsonObject } from '../http/json-object.ts';

const MEMBER = 'client';

/**
 * The config of a new thread, as a caller gave it in a protocol: a contact's goes below `client`, so
 * that it is never taken for what a service said.
 */
export function configBy({ kind }: Principal, config: JsonObject, protocol: string): JsonObject {
  if (kind === 'service') return config;
  const { interface: given = protocol, ...rest } = config;
  const client = given === protocol ? rest : config;
  return { interface: protocol, ...(Object.keys(client).length > 0 && { [MEMBER]: client }) };
}

/** What a caller may see of a config: a contact sees what contacts wrote. */
export function configFor({ kind }: Principal, config: JsonObject): JsonObject {
  if (kind === 'service') return config;
  const client = config[MEMBER];
  return isJsonObject(client) ? client : {};
}

/** A config with one member set, where the caller may write it. */
export function withMember(
  principal: Principal,
  config: JsonObject,
  member: JsonObject,
): JsonObject {
  if (principal.kind === 'service') return { ...config, ...member };
  return { ...config, [MEMBER]: { ...configFor(principal, config), ...member } };
}
