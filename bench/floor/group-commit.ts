import type { DatabaseSync } from 'node:sqlite';

/** Runs a write in the transaction that everything of this turn of the event loop shares. */
export type Write = <T>(work: () => T) => Promise<T>;

export function groupCommit(db: DatabaseSync): Write {
  let pending: { work: () => unknown; resolve: (value: never) => void }[] = [];
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');

  function flush(): void {
    const group = pending;
    pending = [];
    begin.run();
    const values = group.map(({ work }) => work());
    commit.run();
    group.forEach(({ resolve }, index) => resolve(values[index] as never));
  }

  return <T>(work: () => T) =>
    new Promise<T>((resolve) => {
      if (pending.length === 0) setImmediate(flush);
      pending.push({ work, resolve });
    });
}
