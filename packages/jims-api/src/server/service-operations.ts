import * as v from 'valibot';

import type { Operation } from '../http/operation.ts';

const tags = ['service'];

/** What every service can be asked beside its protocols. */
export const serviceOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/healthz',
    operationId: 'health',
    summary: 'Is the process up?',
    tags,
    open: true,
    responses: {
      200: { description: 'It is', schema: v.object({ status: v.literal('ok') }) },
    },
  },
  {
    method: 'GET',
    path: '/readyz',
    operationId: 'ready',
    summary: 'May it be sent requests?',
    description: 'Asks the database; 503 when it does not answer, and while the service stops.',
    tags,
    open: true,
    responses: {
      200: { description: 'It may', schema: v.object({ status: v.literal('ready') }) },
    },
    errors: [503],
  },
  {
    method: 'GET',
    path: '/openapi.json',
    operationId: 'openapi',
    summary: 'This document',
    tags,
    responses: { 200: { description: 'OpenAPI 3.1', schema: v.looseObject({}) } },
    errors: [401],
  },
  {
    method: 'GET',
    path: '/docs',
    operationId: 'docs',
    summary: 'This document, for people',
    tags,
    responses: { 200: { description: 'A page', contentType: 'text/html', schema: v.string() } },
    errors: [401],
  },
];
