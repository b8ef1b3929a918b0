// The config of a thread belongs to the operator and the app. A contact may write one member of it.
import type { JsonObject, Principal } from 'jims-core';

import { isJsonObject } from '../http/json-object.ts';

const MEMBER = 'client';

/**
 * The config of a new thread from what a caller sent. A contact's is put below `client`, so that it is
 * never mistaken for what a service sent.
 */
export function configBy({ kind }: Principal, config: JsonObject, protocol: string): JsonObject {
  if (kind === 'service') return config;
  const { interface: given = protocol, ...rest } = config;
  const client = given === protocol ? rest : config;
  return { interface: protocol, ...(Object.keys(client).length > 0 && { [MEMBER]: client }) };
}

/** The part of a config that a caller may see: a contact sees what contacts wrote. */
export function configFor({ kind }: Principal, config: JsonObject): JsonObject {
  if (kind === 'service') return config;
  const client = config[MEMBER];
  return isJsonObject(client) ? client : {};
}

/** The member of a config that a caller may write to; `undefined` for all of it. */
export function writableMember({ kind }: Principal): string | undefined {
  return kind === 'service' ? undefined : MEMBER;
}
