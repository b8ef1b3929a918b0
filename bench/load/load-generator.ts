import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { GeneratorAnswer } from './generator.ts';
import type { LoadResult, LoadSpec } from './load-spec.ts';

/** Makes load in a process of its own, always the same one: what it has compiled stays compiled. */
export interface LoadGenerator extends AsyncDisposable {
  readonly pid: number;
  /** Rejects at the first wrong answer, or when the load takes a minute longer than it should. */
  run(spec: LoadSpec): Promise<LoadResult>;
}

const GRACE_MS = 60_000;

export function startLoadGenerator(): LoadGenerator {
  const child = fork(fileURLToPath(new URL('generator.ts', import.meta.url)));
  const exit = once(child, 'exit');
  const died = exit.then((): never => {
    throw new Error('the load generator ended');
  });
  died.catch(() => {});
  return {
    pid: child.pid ?? 0,
    async run(spec) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(new Error('the load does not end')),
        spec.seconds * 1000 + GRACE_MS,
      );
      child.send(spec);
      const answered = once(child, 'message') as Promise<[GeneratorAnswer]>;
      const [answer] = await Promise.race([answered, died, late.promise]);
      clearTimeout(timer);
      if (answer.kind === 'failed') throw new Error(`load failed: ${answer.reason}`);
      return answer.result;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await exit;
    },
  };
}
