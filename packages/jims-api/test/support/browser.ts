import { text } from 'node:stream/consumers';

import type { Locator, Page } from 'playwright-core';

import { openBrowser } from '../../../../scripts/browser.ts';

/** A browser that knows nothing yet, at a page. */
export interface TestPage extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong in the page, as its console says. */
  readonly errors: readonly string[];
}

export async function openPage(url: string): Promise<TestPage> {
  const browser = await openBrowser();
  const context = await browser.newContext({ viewport: { width: 900, height: 760 } });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    errors,
    async [Symbol.asyncDispose]() {
      await context.close();
      await browser.close();
    },
  };
}

/** Chooses a file as a person does, by what opens the browser's own window. */
export async function addFile(
  page: Page,
  opener: Locator,
  file: { readonly name: string; readonly mimeType: string; readonly buffer: Buffer },
): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await opener.click();
  await (await chooser).setFiles(file);
}

/** Waits for a picture whose bytes the browser could read. */
export async function isSeen(picture: Locator): Promise<void> {
  // As a function: a string that is one would not be called.
  await picture.evaluate((seen: { decode(): Promise<void> }) => seen.decode());
}

/** The name and the text of the file that a link is for. */
export async function downloaded(page: Page, link: Locator): Promise<[string, string]> {
  const started = page.waitForEvent('download');
  await link.click();
  const download = await started;
  return [download.suggestedFilename(), await text(await download.createReadStream())];
}
