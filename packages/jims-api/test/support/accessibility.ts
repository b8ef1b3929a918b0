import { readFileSync } from 'node:fs';

import type { Page } from 'playwright-core';

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
/** Gives text: what axe finds has elements in it. */
const FAULTS = `axe.run(document).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`;

/** What axe-core finds on a page; a strict policy of the page does not keep it out. */
export async function accessibilityFaults(page: Page): Promise<readonly unknown[]> {
  await page.evaluate(AXE);
  const faults: unknown = await page.evaluate(FAULTS);
  return Array.isArray(faults) ? faults : [faults];
}
