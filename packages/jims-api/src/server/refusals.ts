// Which refusals of requests the metrics count, by which codes.
import type { Metrics } from 'jims-core';
import { CORE_REFUSALS } from 'jims-core/host';

import type { HttpError } from '../http/errors.ts';

/** Refusals without a code, or with one of the app's own: its `authenticate` may have any. */
const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'request_invalid',
  401: 'unauthorized',
  403: 'forbidden',
  422: 'request_invalid',
};
const OTHER = 'other';

const CODES: ReadonlySet<string> = new Set([
  ...Object.values(BY_STATUS),
  OTHER,
  'origin_not_allowed',
  'host_not_allowed',
  'auth_unavailable',
  'contact_header_required',
  'contact_header_invalid',
  'address_invalid',
  'idempotency_key_invalid',
  'last_event_id_invalid',
  'content_type_not_supported',
  'content_type_not_json',
  'content_encoding_not_supported',
  'content_encoding_invalid',
  'body_too_large',
  'body_too_slow',
  'message_too_large',
  'config_too_large',
  'too_many_message_files',
  'file_too_large',
  'file_refused',
  'file_incomplete',
  'too_many_files',
  'invalid_event',
  'question_closed',
  'question_expired',
  'recovery_off',
  'unreadable',
]);

/** They are counted where they are refused: by the engine, the streams, the turns of reading. */
const OF_STREAMS_AND_READS = ['too_many_streams', 'too_many_streams_of_caller', 'too_many_reads'];
const COUNTED_WHERE_REFUSED: ReadonlySet<string> = new Set([
  ...OF_STREAMS_AND_READS,
  ...CORE_REFUSALS,
]);
/** How a run ended, which is not a refusal. */
const CANCELLED = 'cancelled';
/** Nothing is refused to a client that asks for what is not there, or has left. */
const NOT_REFUSED: ReadonlySet<number> = new Set([404, 405, 410, 416, 499]);

/** The refusals of one API. */
export class Refusals {
  readonly #metrics: Metrics;

  /** Shows all codes from now on. */
  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    metrics.expectRefusals([...CODES, ...OF_STREAMS_AND_READS]);
  }

  /** Counts an error that a request is answered with, if it is a refusal, and gives the code that it counts as. */
  count(failure: HttpError): string | undefined {
    const code = codeOf(failure);
    if (code !== undefined) this.#metrics.countRefusal(code);
    return code;
  }
}

function codeOf({ status, code }: HttpError): string | undefined {
  if (code !== undefined) {
    if (CODES.has(code)) return code;
    if (code === CANCELLED || COUNTED_WHERE_REFUSED.has(code)) return undefined;
  }
  if (status >= 500 || NOT_REFUSED.has(status)) return undefined;
  return BY_STATUS[status] ?? OTHER;
}
