/** The ways to ask a process to end, with the exit code of each; SIGHUP: its terminal was closed. */
const EXIT_CODES: ReadonlyMap<NodeJS.Signals, number> = new Map([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
]);
/** A terminal signals all of its processes, and some of them pass the signal on: that is one request. */
const SAME_REQUEST_MS = 200;

type LastWork = (signal: NodeJS.Signals) => Promise<void>;

/** A part of the program that wants signals to end this process. */
export class SignalWatch {
  #lastWork: LastWork | undefined;

  get lastWork(): LastWork | undefined {
    return this.#lastWork;
  }

  /** Sets what is done before the process ends; when that rejects, the exit code is 1. */
  beforeExit(work: LastWork): void {
    this.#lastWork = work;
  }

  /** After the last release signals do again what they do by default. */
  release(): void {
    watches.delete(this);
    // A process that is stopping must not be killed by a repeated signal.
    if (watches.size > 0 || stoppingSince !== undefined) return;
    for (const signal of EXIT_CODES.keys()) process.off(signal, onSignal);
  }
}

const watches = new Set<SignalWatch>();
let stoppingSince: number | undefined;

/**
 * Makes signals end this process. If no watch has work, a signal ends it at once; Node does that by itself
 * except as the first process of a container. Otherwise the first
 * signal does the work of all watches and then ends the process with 0, and a second one ends it at once
 * with 1.
 */
export function watchStopSignals(): SignalWatch {
  if (watches.size === 0) for (const signal of EXIT_CODES.keys()) process.on(signal, onSignal);
  const watch = new SignalWatch();
  watches.add(watch);
  return watch;
}

/** Whether a signal is ending this process. */
export function isStopping(): boolean {
  return stoppingSince !== undefined;
}

function onSignal(signal: NodeJS.Signals): void {
  const now = performance.now();
  if (stoppingSince !== undefined) {
    // A closed terminal may be reported several times; that is not impatience.
    if (signal !== 'SIGHUP' && now - stoppingSince > SAME_REQUEST_MS) process.exit(1);
    return;
  }
  const works = [...watches].flatMap(({ lastWork }) => lastWork ?? []);
  if (works.length === 0) process.exit(EXIT_CODES.get(signal));
  stoppingSince = now;
  Promise.all(works.map((work) => work(signal))).then(
    () => process.exit(0),
    () => process.exit(1),
  );
}
