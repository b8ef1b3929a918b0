// Streams an answer at the pace that its question names.
import { defineApp } from 'jims-core';

import { paceOf, tokens } from '../tokens.ts';

export const app = defineApp((ctx) => ctx.sendMessage(tokens(paceOf(ctx.lastUserMessage))));
