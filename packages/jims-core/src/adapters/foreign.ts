// Reading of values that other libraries make, whose types this package does not import.
import type { MessagePart } from '../pipeline/message-part.ts';

/** The part of a stream after which text begins a new paragraph. */
export const STEP_END = { type: 'finish-step' } as const;
/** The part after which a model thinks a new thought. */
export const THOUGHT_END = { type: 'reasoning-end' } as const;

/** The member of an object, also of one that a class gives; `undefined` of what is not an object. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A source, when its address is one of the web. */
export function* webSource(url: unknown, title: unknown): Generator<MessagePart> {
  if (typeof url !== 'string' || !/^https?:/i.test(url) || url.length > 2048) return;
  if (URL.canParse(url)) yield { type: 'source', url, ...(typeof title === 'string' && { title }) };
}

/** The value of JSON, or the text itself when it is not JSON. */
export function valueOf(json: unknown): unknown {
  if (typeof json !== 'string') return json;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
