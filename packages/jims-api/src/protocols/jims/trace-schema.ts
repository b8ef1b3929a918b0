import * as v from 'valibot';

import { uuid } from '../../http/fastapi/fields.ts';
import { described, titled } from '../../http/schema.ts';
import { Usage } from './schemas.ts';
import { moment, replayed, text, time, value, workStatus } from './trace-members.ts';
import { Model } from './trace-model.ts';

const Queue = v.object({ ...moment, kind: v.literal('queue') });

const Pipeline = v.object({
  ...moment,
  kind: v.literal('pipeline'),
  name: v.string(),
  part: described(v.picklist(['start', 'main']), '`start`: the conversation start'),
});

const Step = v.object({
  ...moment,
  kind: v.literal('step'),
  id: v.string(),
  name: v.string(),
  title: v.optional(v.string()),
  status: workStatus,
  input: value,
  output: value,
  error: v.optional(text),
  replayed,
});

/** A position in the app's own code. */
const TraceSource = titled('SourcePosition', {
  file: described(v.string(), 'Its path, from the folder of the process where it can be'),
  line: v.number(),
  column: v.number(),
  excerpt: v.array(v.object({ line: v.number(), text: v.string() })),
});

const Tool = v.object({
  ...moment,
  kind: v.literal('tool'),
  id: v.string(),
  name: v.string(),
  title: v.optional(v.string()),
  message_id: v.string(),
  status: workStatus,
  input: value,
  output: value,
  error: v.optional(text),
  source: v.optional(TraceSource),
  replayed,
});

const Status = v.object({
  ...moment,
  kind: v.literal('status'),
  message: text,
  type: v.string(),
});

const Message = v.object({
  ...moment,
  kind: v.literal('message'),
  message_id: v.string(),
  text,
  pieces: described(v.number(), 'In how many pieces it was sent'),
});

const Reasoning = v.object({
  ...moment,
  kind: v.literal('reasoning'),
  message_id: v.string(),
  text,
});

const Event = v.object({
  ...moment,
  kind: v.literal('event'),
  event: v.object({ event_id: v.string(), event_type: v.string(), event_data: v.unknown() }),
  internal: described(v.boolean(), 'Whether it is a state, context or of JIMS itself'),
});

const Question = v.object({
  ...moment,
  kind: v.literal('question'),
  id: v.string(),
  name: v.optional(v.string()),
  text: v.optional(text),
  audience: v.picklist(['contact', 'service']),
});

const End = v.object({
  ...moment,
  kind: v.literal('end'),
  type: v.picklist(['result', 'error', 'cancelled']),
  reason: described(v.optional(v.string()), 'Why it was cancelled, or failed'),
});

/** One thing that happened in a run. */
const TraceEntry = v.pipe(
  v.variant('kind', [
    Queue,
    Pipeline,
    Step,
    Model,
    Tool,
    Status,
    Message,
    Reasoning,
    Event,
    Question,
    End,
  ]),
  v.title('TraceEntry'),
);

const thrown = {
  name: described(v.string(), 'Such as `TypeError`'),
  message: text,
  stack: v.nullable(text),
};

/** The real error of a run: what its pipeline threw. */
const TraceError = titled('TraceError', {
  code: described(v.string(), 'As the run has it, such as `pipeline_failed`'),
  detail: described(text, 'What the run has as its error'),
  ...thrown,
  source: described(
    v.nullable(TraceSource),
    'Where it was thrown in the app’s own code; null when that is not known',
  ),
  causes: described(v.array(v.object(thrown)), 'What led to it, the nearest first'),
});

const states = described(
  v.record(v.string(), v.unknown()),
  'The states of the thread, by their names',
);

/** What happened in one attempt of a run. */
export const TraceResource = titled('Trace', {
  run_id: uuid,
  thread_id: uuid,
  chain_id: uuid,
  attempt: v.number(),
  attempts: described(v.array(v.number()), 'The attempts whose traces are kept, for `attempt`'),
  status: v.picklist(['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled']),
  kept: described(
    v.boolean(),
    'Whether the run was traced; else the entries are only what the database has of it',
  ),
  left_out: described(v.number(), 'How many entries are left out, as a trace is bounded'),
  accepted_at: time,
  started_at: v.nullable(time),
  finished_at: v.nullable(time),
  entries: described(v.array(TraceEntry), 'In the order in which they began'),
  state: v.object({ before: states, after: states }),
  error: v.nullable(TraceError),
  usage: v.nullable(v.array(Usage)),
});

export type TraceResource = v.InferOutput<typeof TraceResource>;
export type TraceEntry = v.InferOutput<typeof TraceEntry>;
export type TraceError = v.InferOutput<typeof TraceError>;
