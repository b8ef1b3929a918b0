import { eraseThreads } from '../erase-threads.ts';
import type { PurgeLimits, PurgeResult } from '../store.ts';
import type { ThreadWatchers } from '../thread-watchers.ts';
import type { CommitGroup } from './commit-group.ts';
import type { Erasing } from './erasing.ts';
import type { LogTruncation } from './log-truncation.ts';

export interface ErasureOptions {
  readonly group: Pick<CommitGroup, 'write'>;
  readonly erase: Erasing;
  readonly truncation: LogTruncation;
  readonly watchers: ThreadWatchers;
}

/** Erases piece by piece, each in a transaction of its own: others have their turn in between. */
export interface Erasure {
  deleteThreads(which: { threadId: string } | { contactId: string }): Promise<readonly string[]>;
  purge(limits: PurgeLimits): Promise<PurgeResult>;
  /** Does now what was put off: before the file is closed. */
  settle(): Promise<void>;
}

/** When the indexes are made anew after something was erased, once for all of it. */
const CLEAN_AFTER_MS = 1000;

export function erasure({ group, erase, truncation, watchers }: ErasureOptions): Erasure {
  let hasPurged = false;
  let cleaning: NodeJS.Timeout | undefined;
  let cleaned = Promise.resolve();

  function leaveNothing(): void {
    truncation.truncate();
    // Once for many: it costs what the indexes are large.
    cleaning ??= setTimeout(() => void clean(), CLEAN_AFTER_MS).unref();
  }

  function clean(): Promise<void> {
    clearTimeout(cleaning);
    cleaning = undefined;
    cleaned = cleaned.then(cleanIndexes).catch(() => {
      // The file cannot be written, which those who write are told.
    });
    return cleaned;
  }

  async function cleanIndexes(): Promise<void> {
    for (const each of erase.cleanings) await group.write(each);
    truncation.truncate();
  }

  return {
    async settle() {
      await (cleaning ? clean() : cleaned);
    },

    async deleteThreads(which) {
      const ids = await eraseThreads({
        take: () => group.write(() => erase.takeThreads(which)),
        eraseSome: (threadIds) => group.write(() => erase.eraseSome(threadIds)),
        wake: (threadId) => watchers.wake(threadId),
      });
      if (ids.length > 0) leaveNothing();
      return ids;
    },

    async purge(limits) {
      const purged = await group.write(() => erase.purge(limits));
      for (const threadId of purged.threadIds) watchers.wake(threadId);
      if (hasPurged && !purged.more) leaveNothing();
      hasPurged = purged.more;
      return purged;
    },
  };
}
