import { HttpError } from '../../http/errors.ts';
import type { Call, Route } from '../../http/route.ts';
import { AssetFiles } from './asset-files.ts';

export interface PageOptions {
  readonly playground: boolean;
  readonly widget: boolean;
}

/** Nothing runs or loads but what the service itself sends. */
const PLAYGROUND_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
};

/** Pages of other origins load it, and modules are always loaded by CORS. It is the same for everybody. */
const WIDGET_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
};

const playgroundFiles = new AssetFiles(async () =>
  (await import('jims-playground/assets')).readAssets(),
);
const widgetFiles = new AssetFiles(async () => (await import('jims-widget/assets')).readAssets());

/** Reads the files of the pages before they are requested. */
export async function preparePages({ playground, widget }: PageOptions): Promise<void> {
  if (playground) await playgroundFiles.prepare();
  if (widget) await widgetFiles.prepare();
}

/** The routes of what people see: they are static, and need no key. */
export function pageRoutes({ playground, widget }: PageOptions): readonly Route[] {
  return [...(playground ? PLAYGROUND : [FRONT]), ...(widget ? [WIDGET] : [])];
}

/** For programs `/` is unknown, as in the original; browsers get a page. */
const FRONT: Route = {
  method: 'GET',
  path: '/',
  open: true,
  refuses: true,
  unlisted: true,
  async handle(_, { request, headers }) {
    if (!request.headers.get('accept')?.includes('text/html')) {
      throw new HttpError(404, 'Not Found');
    }
    const { FRONT_PAGE, FRONT_PAGE_HEADERS } = await import('./front-page.ts');
    return new Response(FRONT_PAGE, { headers: { ...headers, ...FRONT_PAGE_HEADERS } });
  },
};

const PLAYGROUND: readonly Route[] = [
  {
    method: 'GET',
    path: '/',
    open: true,
    unlisted: true,
    handle: (_, call) => fileOf(playgroundFiles, 'index.html', call, PLAYGROUND_HEADERS),
  },
  {
    method: 'GET',
    path: '/playground/:name',
    open: true,
    unlisted: true,
    handle: (_, call) =>
      fileOf(playgroundFiles, call.params['name'] ?? '', call, PLAYGROUND_HEADERS),
  },
];

const WIDGET: Route = {
  method: 'GET',
  path: '/widget.js',
  open: true,
  unlisted: true,
  handle: (_, call) => fileOf(widgetFiles, 'widget.js', call, WIDGET_HEADERS),
};

async function fileOf(
  files: AssetFiles,
  name: string,
  { request, headers }: Call,
  more: Readonly<Record<string, string>>,
): Promise<Response> {
  const response = await files.answer(name, request, { ...headers, ...more });
  if (response) return response;
  throw new HttpError(404, 'Not Found');
}
