import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';

const TICK_MS = 10;
const MIB = 1024;

/** CPU time that a process has used so far, in milliseconds, by the clock ticks of Linux. */
export function cpuMs(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/**
 * CPU time of a process and of all that it has started, also of those that have ended. A child that
 * ends between the listing and the reading is among those when its parent is read.
 */
export function familyCpuMs(pid: number): number {
  const living = childrenOf(pid).reduce((sum, child) => sum + (cpuMsIfThere(child) ?? 0), 0);
  const [ended, endedInSystem] = statFields(pid).slice(13);
  return living + cpuMs(pid) + (Number(ended) + Number(endedInSystem)) * TICK_MS;
}

/** Memory of a process that is in RAM, in MiB. */
export function rssMib(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / MIB;
}

/** The processes that this one has started and that still run. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((child) => child > 0 && parentOf(child) === pid);
}

/** CPU time of the whole machine so far: what was used, and what there was. */
export function machineCpuMs(): { readonly used: number; readonly all: number } {
  let used = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    used += busy;
    all += busy + times.idle;
  }
  return { used, all };
}

function cpuMsIfThere(pid: number): number | undefined {
  try {
    return cpuMs(pid);
  } catch {
    return undefined;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(statFields(pid)[1]);
  } catch {
    return undefined;
  }
}

/** The fields behind the name, which may hold spaces and parentheses itself. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
