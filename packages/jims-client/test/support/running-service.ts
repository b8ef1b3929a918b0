import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { freePort } from '../../../../scripts/free-port.ts';
import { freshSqlite } from '../../../jims-core/test/support/sqlite.ts';

/** A service that can be killed, and started again on the same file and port. */
export interface RunningService extends AsyncDisposable {
  readonly origin: string;
  /** `kill -9`, or as a supervisor does it; then it is started again. */
  restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

export async function runService(mode: 'durable' | 'plain'): Promise<RunningService> {
  const file = freshSqlite();
  const port = await freePort();
  let child: ChildProcess;
  async function start(): Promise<void> {
    child = fork(
      fileURLToPath(new URL('service.ts', import.meta.url)),
      [file.url, `${port}`, mode],
      {
        execArgv: ['--conditions=@jims/source'],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    );
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`The service ended with ${code}`);
      }),
    ]);
  }
  async function stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
  await start();
  return {
    origin: `http://127.0.0.1:${port}`,
    async restart(signal) {
      await stop(signal);
      await start();
    },
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
      file[Symbol.dispose]();
    },
  };
}
