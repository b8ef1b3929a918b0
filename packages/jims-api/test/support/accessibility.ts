import { readFileSync } from 'node:fs';

import type { Page } from 'playwright-core';

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const FOUND = `({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200)))`;

export interface AxeOptions {
  /** A selector of what is looked at; default: the whole page. */
  readonly within?: string;
  /** The names of the rules that are checked; default: all. */
  readonly rules?: readonly string[];
}

/** What axe-core finds on a page; a strict policy of the page does not keep it out. */
export async function accessibilityFaults(
  page: Page,
  { within = 'html', rules }: AxeOptions = {},
): Promise<readonly unknown[]> {
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(AXE);
  const options = { resultTypes: ['violations'], ...(rules && { runOnly: rules }) };
  // Gives text: what axe finds has elements in it.
  const faults: unknown = await page.evaluate(
    `axe.run(${JSON.stringify(within)}, ${JSON.stringify(options)}).then(${FOUND})`,
  );
  return Array.isArray(faults) ? faults : [faults];
}
