// Results as they are since 2026-07-28: each says its type, and who made it.
import type { JimsApp, QuestionRecord, RunRecord } from 'jims-core';

import { fileAddress } from '../../chat/file-address.ts';
import { visibleTo } from '../../chat/visibility.ts';
import { errorOptions } from '../../http/error-response.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { packageVersion } from '../../version.ts';
import { inputRequest } from './elicitation.ts';
import { embedFor } from './embedded-files.ts';
import type { ResultOptions } from './encode.ts';
import { knowsLinks } from './versions.ts';

/** A result that has all there is. */
export function complete(app: JimsApp, result: object): object {
  return { resultType: 'complete', ...result, _meta: madeBy(app) };
}

/** What a client may keep, and for how long: it is the same for all callers who are let in. */
export function cacheable(
  { app, secured }: Pick<ApiContext, 'app' | 'secured'>,
  result: object,
): object {
  const cacheScope = secured ? 'private' : 'public';
  return complete(app, { ...result, ttlMs: FRESH_MS, cacheScope });
}

/** What one caller sees; `ttlMs` says how long it stays so. */
export function ofCaller(app: JimsApp, result: object, ttlMs: number): object {
  return complete(app, { ...result, ttlMs, cacheScope: 'private' });
}

/** A new version of the app may describe itself in other words. */
export const FRESH_MS = 300_000;

/** The result of a call whose user is asked: the client sends the call again, with the answer. */
export function inputRequired(
  app: JimsApp,
  question: QuestionRecord,
  requestState: string,
): object {
  return {
    resultType: 'input_required',
    inputRequests: { [inputKey(question)]: inputRequest(question) },
    requestState,
    _meta: madeBy(app),
  };
}

/** The name by which a call asks its one question. */
export function inputKey({ name, questionId }: QuestionRecord): string {
  return name ?? questionId;
}

export function serverInfo({ name = 'jims', version = packageVersion() }: JimsApp): object {
  return { name, version };
}

export function madeBy(app: JimsApp): object {
  return { 'io.modelcontextprotocol/serverInfo': serverInfo(app) };
}

/** How the runs of a call or a task are shown. */
export function resultOptions(
  api: ApiContext,
  call: Call,
  earlier: readonly RunRecord[] = [],
): ResultOptions {
  return {
    ...errorOptions(api, call),
    sees: visibleTo(call.principal),
    embed: embedFor(api, call),
    addressOf: fileAddress(api, call),
    knowsLinks: knowsLinks(call),
    earlier: earlier.flatMap(({ events }) => events),
  };
}
