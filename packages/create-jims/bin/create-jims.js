#!/usr/bin/env node
// An old Node must get as far as the line that says what is needed: nothing newer is imported before.
const [major] = process.versions.node.split('.').map(Number);

if (major < 20) {
  console.error(`create-jims: Node 20 or newer is needed, this is ${process.version}`);
  process.exitCode = 1;
} else {
  await import('../dist/main.js');
}
