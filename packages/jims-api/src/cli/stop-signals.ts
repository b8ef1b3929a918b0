/** The ways to ask a process to end; SIGHUP comes when its terminal is closed. */
type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

const SIGNALS: readonly StopSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
const EXIT_BY_SIGNAL: Readonly<Record<StopSignal, number>> = {
  SIGTERM: 143,
  SIGINT: 130,
  SIGHUP: 129,
};
/** A terminal signals all of its processes, and some of them pass that on: it is one wish. */
const SAME_WISH_MS = 200;
const LOOK_FOR_PARENT_MS = 500;

/** What is done when the process is asked to end. */
export interface StopSignals {
  /** From now on the first signal calls `stop`, and a second one ends the process at once. */
  onStop(stop: (signal: StopSignal) => void): void;
}

/**
 * Listens for signals. As long as there is nothing to finish they end the process at once, which
 * happens by itself only where the process is not the first one of a container.
 */
export function listenForSignals(): StopSignals {
  let stop: ((signal: StopSignal) => void) | undefined;
  let askedAt: number | undefined;

  function onSignal(signal: StopSignal): void {
    const now = performance.now();
    if (!stop) process.exit(EXIT_BY_SIGNAL[signal]);
    if (askedAt === undefined) {
      askedAt = now;
      stop(signal);
    } else if (signal !== 'SIGHUP' && now - askedAt > SAME_WISH_MS) {
      // A closed terminal may be reported several times, and nobody is impatient.
      process.exit(1);
    }
  }

  for (const signal of SIGNALS) process.on(signal, () => onSignal(signal));
  whenParentIsGone(() => onSignal('SIGHUP'));
  return {
    onStop(then) {
      stop = then;
    },
  };
}

/**
 * Under an older Node the command is a child of the process that was started, and gets its signals
 * from there. Without that one nobody would stop it any more.
 */
function whenParentIsGone(then: () => void): void {
  const parent = Number(process.env['JIMS_API_PARENT']);
  // Nothing for the programs that the app starts.
  delete process.env['JIMS_API_PARENT'];
  if (process.ppid !== parent) return;
  const looking = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(looking);
    then();
  }, LOOK_FOR_PARENT_MS).unref();
}
