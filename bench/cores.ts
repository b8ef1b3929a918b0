import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';

/** CPU time so far of each core, whatever used it, in milliseconds. */
export function coreCpuMs(core: number): { readonly used: number; readonly all: number } {
  const times = cpus()[core]?.times ?? { user: 0, nice: 0, sys: 0, irq: 0, idle: 0 };
  const used = times.user + times.nice + times.sys + times.irq;
  return { used, all: used + times.idle };
}

/** Keeps processes, and those that they start, on some cores, until it is disposed of. */
export function keepOn(cores: readonly number[], pids: readonly number[]): Disposable {
  for (const pid of pids) setCores(cores, pid);
  const all = Array.from({ length: availableParallelism() }, (_, core) => core);
  return { [Symbol.dispose]: () => pids.forEach((pid) => setCores(all, pid)) };
}

function setCores(cores: readonly number[], pid: number): void {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', cores.join(','), String(pid)], { stdio: 'pipe' });
  } catch (error) {
    // A database ends processes of its own as it likes.
    if (isAlive(pid)) throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
