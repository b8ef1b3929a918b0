/** What a run is to somebody who only knows what is promised of it. */
export interface ModelRun {
  readonly text: string;
  readonly thread: number;
  process: number;
  attempt: number;
  status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  /** Why it failed. */
  code: 'lost' | 'pipeline_failed' | undefined;
  /** It was cancelled while it waited: it ends when its turn comes. */
  isWithdrawn: boolean;
  /** How often its pipeline was to begin. */
  begun: number;
  /** Its process is dead. */
  isOrphan: boolean;
  /** Messages sent in this attempt, and what has come of the one that is being streamed. */
  said: string[];
  streamed: string;
}

/** What becomes of messages, by the promises alone: a line of runs in each thread, and a log. */
export interface RunModel {
  readonly runs: readonly ModelRun[];
  /** What was said in a thread. */
  log(thread: number): readonly string[];
  /** The answer to a new message. */
  send(message: {
    readonly text: string;
    readonly thread: number;
    readonly process: number;
    readonly onBusy: 'queue' | 'reject' | 'interrupt';
  }): ModelRun | 'thread_busy' | 'queue_full';
  say(run: ModelRun, text: string): void;
  stream(run: ModelRun, piece: string): void;
  end(run: ModelRun, how: 'completed' | 'failed'): void;
  cancel(run: ModelRun): void;
  /** The same message once more: a lost run runs again, of any other the answer is known. */
  retry(run: ModelRun, process: number): 'again' | 'same' | 'queue_full';
  die(process: number): void;
  /** It is taken for dead, and comes back. */
  sleep(process: number): void;
}

export function createRunModel(threads: number, queueLimit: number): RunModel {
  const runs: ModelRun[] = [];
  const logs = Array.from({ length: threads }, (): string[] => []);
  const lines = Array.from({ length: threads }, (): ModelRun[] => []);

  const logOf = ({ thread }: Pick<ModelRun, 'thread'>): string[] => logs[thread] ?? [];
  const lineOf = ({ thread }: Pick<ModelRun, 'thread'>): ModelRun[] => lines[thread] ?? [];

  function seen({ said, streamed }: ModelRun): string[] {
    return streamed === '' ? said : [...said, streamed];
  }

  function begin(run: ModelRun): void {
    run.status = 'running';
    run.begun += 1;
    storeQuestion(run);
  }

  function storeQuestion(run: ModelRun): void {
    if (run.attempt === 1) logOf(run).push(run.text);
  }

  /** Ends the first of a line, and starts who is next. */
  function over(run: ModelRun, status: ModelRun['status'], kept: readonly string[]): void {
    const line = lineOf(run);
    logOf(run).push(...kept);
    run.status = status;
    line.shift();
    for (;;) {
      const next = line[0];
      if (!next) return;
      if (!next.isWithdrawn && !next.isOrphan) {
        begin(next);
        return;
      }
      storeQuestion(next);
      next.status = next.isWithdrawn ? 'cancelled' : 'failed';
      if (!next.isWithdrawn) next.code = 'lost';
      line.shift();
    }
  }

  function enter(run: ModelRun): void {
    const line = lineOf(run);
    line.push(run);
    if (line.length === 1) begin(run);
  }

  function cancel(run: ModelRun): void {
    if (run.status === 'running') over(run, 'cancelled', seen(run));
    else if (run.status === 'queued' && !run.isOrphan) run.isWithdrawn = true;
  }

  function die(process: number): void {
    for (const line of lines) {
      for (const run of line) if (run.process === process) run.isOrphan = true;
      const first = line[0];
      if (!first?.isOrphan) continue;
      first.code = 'lost';
      over(first, 'failed', []);
    }
  }

  return {
    runs,
    log: (thread) => logs[thread] ?? [],

    send({ text, thread, process, onBusy }) {
      const line = lineOf({ thread });
      if (line.length > 0 && onBusy === 'reject') return 'thread_busy';
      if (line.length > queueLimit) return 'queue_full';
      const run: ModelRun = {
        text,
        thread,
        process,
        attempt: 1,
        status: 'queued',
        code: undefined,
        isWithdrawn: false,
        begun: 0,
        isOrphan: false,
        said: [],
        streamed: '',
      };
      runs.push(run);
      const before = onBusy === 'interrupt' ? [...line] : [];
      // From the last to the first, so that none of them starts on the way.
      for (const each of before.toReversed()) {
        if (each.status === 'queued') cancel(each);
      }
      enter(run);
      if (before[0]) cancel(before[0]);
      return run;
    },

    say: (run, text) => void run.said.push(text),
    stream(run, piece) {
      run.streamed += piece;
    },
    end(run, how) {
      if (how === 'failed') run.code = 'pipeline_failed';
      over(run, how, how === 'completed' ? seen(run) : []);
    },
    cancel,

    retry(run, process) {
      if (run.code !== 'lost') return 'same';
      if (lineOf(run).length > queueLimit) return 'queue_full';
      Object.assign(run, {
        process,
        attempt: run.attempt + 1,
        status: 'queued',
        code: undefined,
        isOrphan: false,
        said: [],
        streamed: '',
      });
      enter(run);
      return 'again';
    },

    die,
    sleep(process) {
      die(process);
      for (const run of runs) if (run.status === 'queued') run.isOrphan &&= run.process !== process;
    },
  };
}
