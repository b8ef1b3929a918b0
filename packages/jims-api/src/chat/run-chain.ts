// A chain of runs: it begins with the run of a message, and each answer to a question adds a run.
import type { RunRecord } from 'jims-core';

import type { ApiContext } from '../http/route.ts';

/** The runs of a chain from one of them on, oldest first. */
export interface RunChain {
  readonly earlier: readonly RunRecord[];
  readonly newest: RunRecord;
}

/** Reads the runs from `first` on. */
export async function chainOf({ app }: ApiContext, first: RunRecord): Promise<RunChain> {
  const earlier: RunRecord[] = [];
  let newest = first;
  for (;;) {
    const next = newest.question?.answeredBy;
    const record = next === undefined ? undefined : await app.runs.record(next);
    if (!record) return { earlier, newest };
    earlier.push(newest);
    newest = record;
  }
}
