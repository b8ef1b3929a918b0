// What a message of the assistant or of the user has beside its text.
import type { MessageFile, MessageSource, NewEvent } from 'jims-core';
import { filesOfMessage } from 'jims-core/host';

/** The files of a message; none for any other event. */
export function filesOf({ type, data }: NewEvent): readonly MessageFile[] {
  return type.startsWith('comm.') ? filesOfMessage(data) : [];
}

/** The sources of a message; none for any other event. */
export function sourcesOf({ type, data }: NewEvent): readonly MessageSource[] {
  const { sources } = data;
  return type.startsWith('comm.') && Array.isArray(sources) ? sources.filter(isSource) : [];
}

/** What a model thought for a message of the assistant, where the app keeps that. */
export function reasoningOf({ type, data }: NewEvent): string | undefined {
  const { role, reasoning } = data;
  if (!type.startsWith('comm.') || role !== 'assistant') return undefined;
  return typeof reasoning === 'string' ? reasoning : undefined;
}

function isSource(value: unknown): value is MessageSource {
  if (typeof value !== 'object' || value === null) return false;
  const { url, title, excerpt }: Record<string, unknown> = { ...value };
  return [title ?? '', excerpt ?? '', url].every((each) => typeof each === 'string');
}
