// What a message of the assistant or of the user has beside its text.
import type { MessageFile, MessageSource, NewEvent } from 'jims-core';

/** The files of a message; none for any other event. */
export function filesOf({ type, data }: NewEvent): readonly MessageFile[] {
  const { files } = data;
  return type.startsWith('comm.') && Array.isArray(files) ? files.filter(isFile) : [];
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

function isFile(value: unknown): value is MessageFile {
  if (typeof value !== 'object' || value === null) return false;
  const { file_id: id, name, media_type: type, size }: Record<string, unknown> = { ...value };
  const isNamed = typeof id === 'string' && typeof name === 'string';
  return isNamed && typeof type === 'string' && typeof size === 'number';
}

function isSource(value: unknown): value is MessageSource {
  if (typeof value !== 'object' || value === null) return false;
  const { url, title, excerpt }: Record<string, unknown> = { ...value };
  return [title ?? '', excerpt ?? '', url].every((each) => typeof each === 'string');
}
