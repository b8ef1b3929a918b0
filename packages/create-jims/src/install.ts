import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { PackageManager } from './package-manager.ts';

/** What the package manager that called says about its own folder. */
const OF_THE_CALLER =
  /^(?:npm_(?:package|lifecycle|config_(?:package|yes|prefix|local_prefix|global))|INIT_CWD$)/;

/** Installs the packages of a project, and shows what the package manager says. Resolves with whether it worked. */
export async function installPackages(
  folder: string,
  packageManager: PackageManager,
): Promise<boolean> {
  const [command, ...args] = packageManager.install;
  // On Windows package managers are scripts of the shell.
  const child = spawn(command, args, {
    cwd: folder,
    stdio: 'inherit',
    env: ownEnvironment(packageManager),
    shell: process.platform === 'win32',
  });
  try {
    const [code] = await once(child, 'close');
    return code === 0;
  } catch {
    return false;
  }
}

function ownEnvironment({ name: manager }: PackageManager): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => {
    // Yarn 1 sets its own default there, whatever the user's registry is.
    const isDefault = manager === 'yarn' && name === 'npm_config_registry';
    return !isDefault && !OF_THE_CALLER.test(name);
  });
  return Object.fromEntries(kept);
}
