// tsc never deletes: without this a renamed file's old output would be published.
import { rmSync } from 'node:fs';

for (const name of ['jims-core', 'jims-api']) {
  rmSync(new URL(`../packages/${name}/dist`, import.meta.url), { recursive: true, force: true });
}
