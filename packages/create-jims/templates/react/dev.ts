// npm run dev: the service with its playground, and the page with Vite. When one ends, both do.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const COMMANDS = [
  ['jims-api/bin/jims-api.js', 'dev'],
  ['vite/bin/vite.js', ...process.argv.slice(2)],
] as const;

const started = COMMANDS.map(([program, ...args]) => {
  const file = join(import.meta.dirname, 'node_modules', program);
  return spawn(process.execPath, [file, ...args], { stdio: 'inherit' });
});

for (const child of started) {
  child.on('exit', (code) => {
    process.exitCode ??= code ?? 0;
    for (const other of started) other.kill();
  });
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of started) child.kill(signal);
  });
}
