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
}

export function erasure({ group, erase, truncation, watchers }: ErasureOptions): Erasure {
  let hasPurged = false;

  return {
    async deleteThreads(which) {
      const ids = await eraseThreads({
        take: () => group.write(() => erase.takeThreads(which)),
        eraseSome: (threadIds) => group.write(() => erase.eraseSome(threadIds)),
        wake: (threadId) => watchers.wake(threadId),
      });
      if (ids.length > 0) truncation.truncate();
      return ids;
    },

    async purge(limits) {
      const purged = await group.write(() => erase.purge(limits));
      for (const threadId of purged.threadIds) watchers.wake(threadId);
      if (hasPurged && !purged.more) truncation.truncate();
      hasPurged = purged.more;
      return purged;
    },
  };
}
