// The types of the client are those of the service's schemas. Nothing here runs: `npm run check` compiles it.
import type * as v from 'valibot';

import type { AskedQuestion as AskedSchema } from '../../jims-api/src/protocols/jims/asked-question.ts';
import type { FeedbackResource } from '../../jims-api/src/protocols/jims/feedback.ts';
import type { FileResource } from '../../jims-api/src/protocols/jims/file-resource.ts';
import type {
  EventResource,
  RunResource,
  RunSummaryResource,
  ThreadResource,
} from '../../jims-api/src/protocols/jims/resources.ts';
import type {
  ChatRequestBody,
  ChatResponseBody,
  Include as ServiceInclude,
  Usage,
} from '../../jims-api/src/protocols/jims/schemas.ts';
import type {
  TraceEntry as ServiceTraceEntry,
  TraceError as ServiceTraceError,
  TraceResource,
} from '../../jims-api/src/protocols/jims/trace-schema.ts';
import type {
  AskedQuestion,
  ChatAnswer,
  ChatRequest,
  Include,
  MessageFeedback,
  ModelUsage,
  Run,
  RunSummary,
  StoredFile,
  Thread,
  ThreadEvent,
  Trace,
  TraceEntry,
  TraceError,
} from '../src/index.ts';

/** As a reader sees it: lists and objects do not change, and `undefined` is a member that is left out. */
type Read<T> = T extends readonly (infer Item)[]
  ? readonly Read<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: Read<Exclude<T[Name], Missing<T, Name>>> }
    : T;

type Missing<T, Name extends keyof T> = object extends Pick<T, Name> ? undefined : never;

/** `true` when each is assignable to the other. */
type Same<A, B> = [Read<A>] extends [Read<B>]
  ? [Read<B>] extends [Read<A>]
    ? true
    : false
  : false;

type Output<T extends v.GenericSchema> = v.InferOutput<T>;

export const same: readonly [
  Same<Thread, Output<typeof ThreadResource>>,
  Same<ThreadEvent, Output<typeof EventResource>>,
  Same<Run, Output<typeof RunResource>>,
  Same<RunSummary, Output<typeof RunSummaryResource>>,
  Same<ChatAnswer, Output<typeof ChatResponseBody>>,
  Same<AskedQuestion, Output<typeof AskedSchema>>,
  Same<ModelUsage, Output<typeof Usage>>,
  Same<StoredFile, Output<typeof FileResource>>,
  Same<MessageFeedback, Output<typeof FeedbackResource>>,
  Same<Include, ServiceInclude>,
  Same<Trace, TraceResource>,
  Same<TraceEntry, ServiceTraceEntry>,
  Same<TraceError, ServiceTraceError>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true];

/** The members of a request, without what the service makes of them. */
type RequestMembers = keyof v.InferInput<typeof ChatRequestBody>;
export const requests: Same<keyof ChatRequest, RequestMembers> = true;

// @ts-expect-error A member that is missing would be seen.
export const different: Same<Omit<Thread, 'title'>, Output<typeof ThreadResource>> = true;
