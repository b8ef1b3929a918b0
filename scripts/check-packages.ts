// npm run check:package, after a build: what npm would publish is complete and its types resolve.
import { execFileSync } from 'node:child_process';

for (const name of [
  'jims-core',
  'jims-client',
  'jims-widget',
  'jims-playground',
  'jims-api',
  'create-jims',
]) {
  const folder = `packages/${name}`;
  check('publint', ['run', folder, '--strict']);
  check('attw', ['--pack', folder, '--profile', 'esm-only', '--no-definitely-typed']);
}

function check(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args, { stdio: 'inherit' });
  } catch {
    console.error(`\n${command} ${args.join(' ')}: not ready to publish (was it built?)`);
    process.exit(1);
  }
}
