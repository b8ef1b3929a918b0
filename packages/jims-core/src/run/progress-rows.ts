import type { ToolNews } from '../pipeline/message-part.ts';
import type { StepNews } from '../pipeline/step.ts';
import type { RunProgress } from '../store/store.ts';
import { newEvent } from '../thread/event.ts';
import type { JsonObject } from '../thread/event.ts';
import type { MessageFile, MessageSource } from '../thread/message.ts';
import { areJoined, isText } from './run-events.ts';
import type { NumberedRunEvent, RunEvent } from './run-events.ts';

/**
 * Makes the rows of run events: pieces of text that may be joined are one row, with the number of the last.
 */
export function toProgress(events: readonly NumberedRunEvent[]): readonly RunProgress[] {
  const rows: RunProgress[] = [];
  let pieces: string[] = [];
  for (const [index, numbered] of events.entries()) {
    const { seq, attempt: _, ...event } = numbered;
    if (!isText(numbered)) {
      rows.push({ seq, event });
      continue;
    }
    const { type, messageId, delta } = numbered;
    pieces.push(delta);
    const next = events[index + 1];
    if (next && isText(next) && areJoined(numbered, next)) continue;
    rows.push({ seq, event: { type, messageId, pieces } });
    pieces = [];
  }
  return rows;
}

/** Reads a row that a `ProgressWriter` of any process wrote; what it does not know is left out. */
export function fromProgress(
  { seq, event }: RunProgress,
  attempt: number,
): readonly NumberedRunEvent[] {
  const { type } = event;
  if (type === 'delta' || type === 'reasoning') {
    const messageId = String(event['messageId']);
    const pieces = Array.isArray(event['pieces']) ? event['pieces'].map(String) : [];
    const first = seq - pieces.length + 1;
    return pieces.map((delta, i) => ({ attempt, seq: first + i, type, messageId, delta }));
  }
  const one = oneEvent(event);
  return one ? [{ attempt, seq, ...one }] : [];
}

type OneEvent = Extract<
  RunEvent,
  { readonly type: 'status' | 'step' | 'event' | 'tool' | 'source' | 'file' }
>;

function oneEvent(row: JsonObject): OneEvent | undefined {
  const messageId = asText(row['messageId']);
  switch (row['type']) {
    case 'status': {
      const { message, statusType } = objectOf(row['status']);
      return {
        type: 'status',
        status: { message: String(message), statusType: String(statusType) },
      };
    }
    case 'step':
      return { type: 'step', step: toWork(objectOf(row['step'])) };
    case 'tool':
      return { type: 'tool', messageId, tool: toWork(objectOf(row['tool'])) };
    case 'source':
      return { type: 'source', messageId, source: toSource(objectOf(row['source'])) };
    case 'file':
      return { type: 'file', messageId, file: toFile(objectOf(row['file'])) };
    case 'event': {
      const { id, type, data } = objectOf(row['event']);
      return { type: 'event', event: newEvent(String(type), objectOf(data), String(id)) };
    }
    default:
      return undefined;
  }
}

function toWork({
  id,
  name,
  title,
  status,
  input,
  output,
  error,
}: JsonObject): StepNews & ToolNews {
  return {
    id: String(id),
    name: String(name),
    status: status === 'completed' || status === 'failed' ? status : 'running',
    ...(title !== undefined && { title: asText(title) }),
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(error !== undefined && { error: asText(error) }),
  };
}

function toSource({ url, title, excerpt }: JsonObject): MessageSource {
  return {
    url: asText(url),
    ...(title !== undefined && { title: asText(title) }),
    ...(excerpt !== undefined && { excerpt: asText(excerpt) }),
  };
}

function toFile({ file_id, name, media_type, size }: JsonObject): MessageFile {
  return {
    file_id: asText(file_id),
    name: asText(name),
    media_type: asText(media_type),
    size: typeof size === 'number' ? size : 0,
  };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
