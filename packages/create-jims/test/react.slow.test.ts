// The page of the template react as people see it: built by Vite, in a real browser, with its service.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import type { Page } from 'playwright-core';
import { build, defaultClientConditions, preview } from 'vite';
import type { InlineConfig } from 'vite';

import { openPage } from '../../jims-api/test/support/browser.ts';
import { serveCommand } from '../../jims-api/test/support/command.ts';
import { ROOT, newProject, runNode } from './support/new-project.ts';

const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

describe('the page of the template react', () => {
  test('its types are right', async () => {
    using project = await newProject('react');
    const args = ['-p', 'page', '--customConditions', '@jims/source'];
    const types = await runNode([TSC, ...args, '--exactOptionalPropertyTypes'], {
      cwd: project.path,
    });
    assert.equal(types.code, 0, types.stdout);
  });

  test('answers, streams, and goes on after a reload; axe finds nothing', async () => {
    using project = await newProject('react');
    // Slower, so that there is time to do something in the middle of an answer.
    const app = join(project.path, 'app.ts');
    writeFileSync(app, readFileSync(app, 'utf8').replace('WORD_MS = 30', 'WORD_MS = 120'));
    await using service = await serveCommand(['--app', 'app.ts'], { cwd: project.path });
    await using page = await servePage(project.path, service.url);
    await using opened = await openPage(page.url);
    const { page: view, errors } = opened;
    await view.getByText('Say hello').waitFor();
    await say(view, 'Hello');
    await view.getByRole('button', { name: 'The old harbour' }).click();
    await view.getByRole('status').getByText('Walking to the old harbour…').waitFor();
    await view.locator('li.growing').getByText('The old harbour wakes up').waitFor();
    // In the middle of the answer.
    await view.reload();
    await view.getByRole('button', { name: 'The water tower' }).waitFor();
    assert.equal(
      await view.getByText(/^The old harbour wakes up .* straight from the deck\.$/).count(),
      1,
    );

    await say(view, 'The market, please');
    await view.locator('li.growing').getByText('The market hall').waitFor();
    await view.getByRole('button', { name: 'Stop' }).click();
    await view.getByRole('button', { name: 'Send' }).waitFor();
    assert.equal(await view.getByText('Where next?').count(), 1, 'the second answer was stopped');

    await view.addScriptTag({ content: readFileSync(AXE, 'utf8') });
    for (const colorScheme of ['light', 'dark'] as const) {
      await view.emulateMedia({ colorScheme });
      const { violations } = await view.evaluate<{ violations: { id: string }[] }>('axe.run()');
      assert.deepEqual(
        violations.map(({ id }) => id),
        [],
        colorScheme,
      );
    }
    assert.deepEqual(errors, []);
  });
});

async function say(view: Page, text: string): Promise<void> {
  await view.getByRole('textbox', { name: 'Message' }).fill(text);
  await view.keyboard.press('Enter');
}

interface ServedPage extends AsyncDisposable {
  readonly url: string;
}

/** Builds the page, and serves it as `vite preview` does, but from the sources of the packages and on a free port. */
async function servePage(folder: string, service: string): Promise<ServedPage> {
  const config = {
    configFile: join(folder, 'vite.config.ts'),
    root: join(folder, 'page'),
    logLevel: 'warn',
    resolve: { conditions: ['@jims/source', ...defaultClientConditions] },
    preview: { port: 0, host: '127.0.0.1', proxy: { '/api': { target: service } } },
  } satisfies InlineConfig;
  await build(config);
  const server = await preview(config);
  const [url = ''] = server.resolvedUrls?.local ?? [];
  return { url, [Symbol.asyncDispose]: () => server.close() };
}
