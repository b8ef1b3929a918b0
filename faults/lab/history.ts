import { closeSync, openSync, writeSync } from 'node:fs';

/** What was done and what came back, one line of JSON each, to be read after a violation. */
export interface History extends Disposable {
  readonly file: string;
  readonly length: number;
  write(entry: Readonly<Record<string, unknown>>): void;
}

export function openHistory(file: string): History {
  const descriptor = openSync(file, 'w');
  let length = 0;
  return {
    file,
    get length() {
      return length;
    },
    write(entry) {
      length++;
      writeSync(descriptor, `${JSON.stringify({ ms: Math.round(performance.now()), ...entry })}\n`);
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}
