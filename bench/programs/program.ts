import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort } from '../../scripts/free-port.ts';
import type { BenchDatabase } from '../stores/bench-database.ts';

/** A server in a process of its own. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** From the spawning to the first `/healthz` that was answered with 200. */
  readonly readyMs: number;
  readonly database: BenchDatabase;
}

export interface ProgramOptions {
  /** The arguments of `node`, for a port. */
  readonly args: (port: number) => readonly string[];
  readonly database: BenchDatabase;
  /** Where what it says goes. */
  readonly logFile: string;
}

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** Starts a program and waits until it is ready. */
export async function startProgram({ args, database, logFile }: ProgramOptions): Promise<Program> {
  const port = await freePort();
  const log = openSync(logFile, 'a');
  const started = performance.now();
  const child = spawn(process.execPath, args(port), { stdio: ['ignore', log, log] });
  closeSync(log);
  const exit = once(child, 'exit');
  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const cut = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exit;
    clearTimeout(cut);
  }
  while (!(await isHealthy(port))) {
    const late = performance.now() - started > READY_TIMEOUT_MS;
    if (!late && child.exitCode === null && child.signalCode === null) {
      await sleep(1);
      continue;
    }
    await stop();
    throw new Error(
      `${child.spawnargs.join(' ')} does not start:\n${readFileSync(logFile, 'utf8')}`,
    );
  }
  const readyMs = performance.now() - started;
  return { pid: child.pid ?? 0, port, readyMs, database, [Symbol.asyncDispose]: stop };
}

/** On a bare socket: asking must not take the time that the program needs to start. */
function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () =>
      socket.write('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n'),
    );
    socket
      .setEncoding('latin1')
      .once('data', (answer: string) => {
        resolve(answer.startsWith('HTTP/1.1 200'));
        socket.destroy();
      })
      .once('error', () => resolve(false))
      .once('close', () => resolve(false));
  });
}
