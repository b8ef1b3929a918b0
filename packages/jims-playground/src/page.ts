import { h, render } from 'preact';

import { GuardedPage } from './page/guarded-page.tsx';

const root = document.querySelector('#page');
// This file is at playground/page.js of the service.
if (root) render(h(GuardedPage, { base: new URL('..', import.meta.url) }), root);
