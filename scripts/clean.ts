// tsc never deletes: without this a renamed file's old output would be published.
import { globSync, rmSync } from 'node:fs';

for (const folder of globSync('packages/*/dist')) rmSync(folder, { recursive: true, force: true });
