import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { PackageManager } from './package-manager.ts';

/** Installs the packages of a project, and shows what the package manager says. Resolves with whether it worked. */
export async function installPackages(
  folder: string,
  { install: [command, ...args] }: PackageManager,
): Promise<boolean> {
  // On Windows package managers are scripts of the shell.
  const child = spawn(command, args, {
    cwd: folder,
    stdio: 'inherit',
    env: ownEnvironment(),
    shell: process.platform === 'win32',
  });
  try {
    const [code] = await once(child, 'close');
    return code === 0;
  } catch {
    return false;
  }
}

/** Without the options of the package manager that called: they are about its own folder. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !CALLERS_OWN.test(name));
  return Object.fromEntries(kept);
}

const CALLERS_OWN =
  /^(?:npm_(?:package|lifecycle|config_(?:package|yes|prefix|local_prefix|global))|INIT_CWD$)/;
