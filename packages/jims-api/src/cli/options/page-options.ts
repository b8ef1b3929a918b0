import type { OptionTable } from './option-table.ts';

export const NETWORK_GROUP = 'Network';

/** What the service has for people to see, and whose pages may call it. */
export const PAGE_OPTIONS = {
  playground: {
    type: 'flag',
    group: NETWORK_GROUP,
    help: 'Serve the playground at /: a page to talk with the app, and to see what happens in it; it asks for a key where the API does',
  },
  widget: {
    type: 'flag',
    group: NETWORK_GROUP,
    help: 'Serve <jims-chat> as /widget.js, for the pages of your site',
  },
  'cors-origin': {
    type: 'text',
    group: NETWORK_GROUP,
    several: true,
    help: 'Origin whose pages may call from a browser, such as https://app.example; may be repeated',
  },
} as const satisfies OptionTable;
