// The types of what runs in browsers: each has the library of a browser, and not Node's.
import { spawnSync } from 'node:child_process';

const PROJECTS = [
  'packages/jims-client',
  'packages/jims-client/test/support/page',
  'packages/jims-widget',
  'packages/jims-playground',
  'examples/react-chat/page',
];

for (const project of PROJECTS) {
  const { status } = spawnSync('tsc', ['-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
