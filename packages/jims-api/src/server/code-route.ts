import { cleanJson } from 'jims-core/host';
import * as v from 'valibot';

import { openStream } from '../chat/stream-run.ts';
import { notFound } from '../http/errors.ts';
import type { Route } from '../http/route.ts';
import type { SseFrame } from '../http/sse/frame.ts';
import type { CodeFeed, CodeState } from './code-feed.ts';

/** How the code of the app is doing, live; only `jims-api dev` has it. */
export function codeRoute(code: CodeFeed): Route {
  return {
    method: 'GET',
    path: '/api/v1/dev',
    doc: {
      operationId: 'follow_code',
      summary: 'Whether the code of the app is loaded, live',
      description:
        'Only with `jims-api dev`, for services. A stream: the state of now, then each change, as the event `loaded` or `broken`. Then the last code that could be loaded is in service.',
      tags: ['service'],
      responses: {
        200: {
          description:
            '`loaded`: `{generation, ms}`; `broken`: `{message, file, line, column, excerpt: [{line, text}], generation}`: what is not known is null, and `generation` is what is in service, or 0',
          contentType: 'text/event-stream',
          schema: v.string(),
        },
      },
      errors: [401, 404, 429, 503],
    },
    contactless: true,
    async handle(api, call) {
      if (call.principal.kind === 'contact') throw notFound();
      return openStream(api, call, async () => {
        const gone = new AbortController();
        const frames = framesOf(code.follow(gone.signal));
        return { frames, onGone: () => gone.abort() };
      });
    },
  };
}

async function* framesOf(states: AsyncIterable<CodeState>): AsyncGenerator<SseFrame> {
  for await (const { type, ...data } of states) yield { event: type, data: cleanJson(data) };
}
