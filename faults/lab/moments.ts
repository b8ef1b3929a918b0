// Ends its process at a moment that the harness chooses: after the n-th thing that it does to a disk or a database.
import { readFileSync, writeFileSync } from 'node:fs';
import disk from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { StatementSync } from 'node:sqlite';

import { Client } from 'pg';

/** Where each process finds after how many moments it is to end. */
const FOLDER = 'FAULTS_MOMENTS';

let plans = 0;

/** Says after how many moments from now on a process ends. */
export function armMoments(folder: string, pid: number, moments: number): void {
  writeFileSync(join(folder, String(pid)), `${++plans} ${moments}`);
  writeFileSync(passedFile(join(folder, String(pid))), '0');
}

/** How many moments a process has had since then. */
export function momentsPassed(folder: string, pid: number): number {
  return Number(readFileSync(passedFile(join(folder, String(pid))), 'utf8'));
}

/** Only the harness writes the plan: a process that wrote it could bring an old one back. */
function passedFile(plan: string): string {
  return `${plan}.passed`;
}

/** Counts, from now on, each commit, each statement to a server, and each change of a disk. */
export function watchMoments(): void {
  const folder = process.env[FOLDER];
  if (folder === undefined) return;
  const moment = (): void => passMoment(join(folder, String(process.pid)));
  watchSqlite(moment);
  watchPostgres(moment);
  watchDisk(moment);
}

let known = '';
let passed = 0;

function passMoment(file: string): void {
  let plan: string;
  try {
    plan = readFileSync(file, 'utf8');
  } catch {
    // Nobody has chosen a moment.
    return;
  }
  passed = plan === known ? passed + 1 : 1;
  known = plan;
  if (passed >= Number(plan.split(' ')[1])) process.kill(process.pid, 'SIGKILL');
  writeFileSync(passedFile(file), String(passed));
}

type Method = (this: unknown, ...args: readonly unknown[]) => unknown;

/** Calls `after` when a method has done its work, with its result. */
function watch(owner: object, name: string, after: (self: unknown, result: unknown) => void): void {
  const original: Method = Reflect.get(owner, name);
  const watched: Method = function watched(...args) {
    const result = Reflect.apply(original, this, args);
    if (!(result instanceof Promise)) {
      after(this, result);
      return result;
    }
    return result.then((value: unknown) => {
      after(this, value);
      return value;
    });
  };
  Reflect.set(owner, name, watched);
}

function watchSqlite(moment: () => void): void {
  watch(StatementSync.prototype, 'run', (statement) => {
    if (statement instanceof StatementSync && statement.sourceSQL === 'COMMIT') moment();
  });
}

function watchPostgres(moment: () => void): void {
  watch(Client.prototype, 'query', moment);
}

function watchDisk(moment: () => void): void {
  const seen = new WeakSet<object>();
  watch(disk, 'open', (_, handle) => {
    moment();
    const prototype: FileHandle = Object.getPrototypeOf(handle);
    if (seen.has(prototype)) return;
    seen.add(prototype);
    for (const name of ['writeFile', 'sync']) watch(prototype, name, moment);
  });
  for (const name of ['rename', 'rm']) watch(disk, name, moment);
  syncBuiltinESMExports();
}
