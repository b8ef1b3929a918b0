// The browser of the tests: one for a whole run of them, in which each test gets a profile of its own.
import { chromium } from 'playwright-core';
import type { Browser, LaunchOptions } from 'playwright-core';

import { chromiumPath } from './chromium.ts';

/** Where {@link openBrowser} finds the browser of the run. */
const URL_VARIABLE = 'TEST_BROWSER_URL';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Others in this environment connect to it; disposing ends it. */
export interface SharedBrowser extends AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>;
}

/** Starts a browser for other processes: each start takes half a second of a core. */
export async function startSharedBrowser(): Promise<SharedBrowser> {
  const server = await chromium.launchServer({
    ...(await launchOptions()),
    // A signal ends the run, and the run ends its browser.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  return {
    environment: { [URL_VARIABLE]: server.wsEndpoint() },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** The browser of the run, or else one that closes with what is returned. */
export async function openBrowser(): Promise<Browser> {
  const url = process.env[URL_VARIABLE];
  return url ? chromium.connect(url) : chromium.launch(await launchOptions());
}

async function launchOptions(): Promise<LaunchOptions> {
  return {
    executablePath: await chromiumPath(),
    args: FLAGS,
    // In the locale C it gives files whose names are not ASCII another name.
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  };
}
