/** The time of one trace: durations that no change of the clock disturbs. */
export class TraceClock {
  readonly #began = { wall: Date.now(), running: performance.now() };

  /** Milliseconds since it was made. */
  get now(): number {
    return performance.now() - this.#began.running;
  }

  /** The public text of a moment of this clock, as `2026-11-24T01:02:03.000004Z`. */
  textOf(moment: number): string {
    const ms = this.#began.wall + moment;
    const whole = Math.floor(ms);
    const micros = Math.floor((ms - whole) * 1000);
    return `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
  }
}

/** Milliseconds as they are shown. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
