import { defineApp } from 'jims-core';
import type { JimsApp } from 'jims-core';

import { app } from '../../../../examples/tour-guide/app.ts';

/** The example's pipeline in an app of its own: a test closes its app, and others run in the same process. */
export function tourGuide(): JimsApp {
  return defineApp({ pipeline: app.pipeline, store: 'sqlite::memory:' });
}
