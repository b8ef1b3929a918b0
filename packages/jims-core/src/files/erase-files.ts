import type { FileRecords, FileStore } from '../store/store.ts';

export interface FilePlaces {
  readonly records: FileRecords;
  readonly bytes: FileStore;
}

const BATCH = 100;

/** Removes files: nobody finds them any more, then their bytes, then what is known of them. */
export async function eraseFiles(
  { records, bytes }: FilePlaces,
  fileIds: readonly string[],
): Promise<void> {
  if (fileIds.length === 0) return;
  await records.dropFiles(fileIds);
  await removeDropped({ records, bytes }, fileIds);
}

/**
 * Finishes what was begun: removes all files that are being erased, no matter which process began it, half ones, and those
 * that no message names, in batches, until there is none or the signal aborts. Resolves with how many.
 */
export async function eraseLeftFiles(
  places: FilePlaces,
  { unnamedMs, signal }: { readonly unnamedMs: number; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  let count = 0;
  for (;;) {
    const isOver = signal?.aborted === true;
    const fileIds = isOver ? [] : await places.records.filesToErase({ unnamedMs, limit: BATCH });
    if (fileIds.length === 0) return count;
    await removeDropped(places, fileIds);
    count += fileIds.length;
  }
}

async function removeDropped(
  { records, bytes }: FilePlaces,
  fileIds: readonly string[],
): Promise<void> {
  await bytes.remove(fileIds);
  await records.forgetFiles(fileIds);
}
