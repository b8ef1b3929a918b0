import type { RunLlm } from '../llm/run-llm.ts';
import { UsageSum, readUsage } from '../llm/usage.ts';
import type { ModelUsage } from '../llm/usage.ts';
import type { RunOutcomeRecord, RunOwner } from '../store/store.ts';
import type { EventLog } from './event-log.ts';
import type { ProgressWriter } from './progress.ts';

interface RunOutcomeOptions {
  readonly owner: RunOwner;
  readonly stream: EventLog;
  readonly progress: ProgressWriter | undefined;
  readonly llm: RunLlm;
}

/** What is stored of a run beside how it ended: what it used, and its progress. */
export class RunOutcome {
  readonly #run: RunOutcomeOptions;
  #earlier: readonly ModelUsage[] = [];

  constructor(run: RunOutcomeOptions) {
    this.#run = run;
  }

  /** Counts what earlier attempts of the run have used: their models are not asked again. */
  addUsage(earlier: RunOutcomeRecord['usage']): void {
    this.#earlier = readUsage(earlier) ?? [];
  }

  /** To be spread into a result. */
  used(): { readonly usage?: readonly ModelUsage[] } {
    const used = this.#run.llm.used();
    if (this.#earlier.length === 0) return used;
    const sum = new UsageSum();
    for (const usage of [...this.#earlier, ...(used.usage ?? [])]) sum.addSum(usage);
    return { usage: sum.total };
  }

  record(outcome: Omit<RunOutcomeRecord, 'usage' | 'lastSeq' | 'progress'>): RunOutcomeRecord {
    const { owner, stream, progress: writer } = this.#run;
    const progress = writer?.rest(stream, owner) ?? [];
    // One more than there are: the end itself.
    const lastSeq = stream.lastSeq + 1;
    return { ...outcome, ...this.used(), lastSeq, progress };
  }
}
