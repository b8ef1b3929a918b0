/** The two ways to ask a process to end. */
type StopSignal = 'SIGTERM' | 'SIGINT';

const SIGNALS: readonly StopSignal[] = ['SIGTERM', 'SIGINT'];
const EXIT_BY_SIGNAL: Readonly<Record<StopSignal, number>> = { SIGTERM: 143, SIGINT: 130 };
/** A terminal signals all of its processes, and some of them pass that on: it is one wish. */
const SAME_WISH_MS = 200;

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
    } else if (now - askedAt > SAME_WISH_MS) {
      process.exit(1);
    }
  }

  for (const signal of SIGNALS) process.on(signal, () => onSignal(signal));
  return {
    onStop(then) {
      stop = then;
    },
  };
}
