import { createHash } from 'node:crypto';

import type { RunRequest } from 'jims-core';

import { HttpError } from '../http/errors.ts';
import { namedByHeaders } from '../http/naming-headers.ts';
import type { Call } from '../http/route.ts';

/** 1 to 255 visible ASCII characters, without the quotes of a structured field. */
const KEY = /^[!-~]{1,255}$/;
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/;

/** What makes a request that is sent again the same run. */
export type RequestKey = NonNullable<RunRequest['idempotency']>;

/** Whether the client says that it may send the request again, by the header `Idempotency-Key`. */
export function hasKey({ request }: Pick<Call, 'request'>): boolean {
  return request.headers.has('idempotency-key');
}

/**
 * Reads the header `Idempotency-Key`: a quoted string, as the IETF draft
 * draft-ietf-httpapi-idempotency-key-header has it, or bare. `undefined` when there is no such header.
 *
 * @throws HttpError 400 for a key that is not valid.
 */
export async function idempotencyOf(call: Call): Promise<RequestKey | undefined> {
  const header = call.request.headers.get('idempotency-key');
  if (header === null) return undefined;
  const key = unquoted(header.trim());
  if (!KEY.test(key)) {
    throw new HttpError(400, 'Idempotency-Key must be 1 to 255 visible ASCII characters', {
      code: 'idempotency_key_invalid',
    });
  }
  const { kind, id } = call.principal;
  return {
    // Two callers may use the same key for different things.
    scope: `${kind}:${id}`,
    key,
    fingerprint: await fingerprintOf(call),
  };
}

/**
 * A digest of the request: its path, whom it is for, and its body. A service that repeats a key for
 * another contact must not get the answer of the first one.
 */
async function fingerprintOf(call: Call): Promise<string> {
  const names = [...namedByHeaders(call.request), ...call.query.getAll('contact_id')];
  const parts = [call.path.replace(/\/$/, ''), canonical(await call.body()), ...names].join('\n');
  return createHash('sha256').update(parts).digest('base64url');
}

function unquoted(text: string): string {
  return QUOTED.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, '$1') ?? text;
}

/** JSON that is the same for equal values, whatever the order of their members. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
