import { defineApp } from 'jims-core';
import type { JimsApp } from 'jims-core';

export const app: JimsApp = defineApp({ name: 'Demo', pipeline: (ctx) => ctx.sendMessage('hi') });
