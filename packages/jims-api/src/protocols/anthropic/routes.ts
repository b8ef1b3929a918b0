import { anthropicModel, anthropicModels } from '../../chat/app-as-model.ts';
import { fileAddress } from '../../chat/file-address.ts';
import { errorOptions } from '../../http/error-response.ts';
import { HttpError } from '../../http/errors.ts';
import { json } from '../../http/json-answer.ts';
import { refusingBy, withAliases } from '../../http/route.ts';
import type { Protocol, Route } from '../../http/route.ts';
import { encodeStream } from './encode.ts';
import { refuse } from './error.ts';
import { messageRoutes } from './messages.ts';

const BASE = '/anthropic';

/** `/v1/models` is where OpenAI has its models, too: that route answers Anthropic's clients in their form. */
const modelRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: `${BASE}/v1/models`,
    handle: ({ app }, call) => json(call, anthropicModels(app)),
  },
  {
    method: 'GET',
    path: `${BASE}/v1/models/:model`,
    handle: ({ app }, call) => json(call, anthropicModel(app, call.params['model'])),
  },
];

/** Anthropic's Messages, at `/v1/messages` and below `/anthropic`. */
export const anthropicProtocol: Protocol = {
  routes: refusingBy(refuse, [
    ...withAliases(messageRoutes, (path) => BASE + path),
    ...modelRoutes,
  ]),
  wire: (api, call, run) =>
    encodeStream(run, {
      model: 'jims',
      addressOf: fileAddress(api, call),
      ...errorOptions(api, call),
    }),
  fallback: {
    method: 'GET',
    path: '*',
    encodeError: refuse,
    handle(_, { request, path }) {
      throw new HttpError(404, `Unknown request URL: ${request.method} ${path}`);
    },
  },
};
