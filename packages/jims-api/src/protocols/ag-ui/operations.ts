import type { Operation } from '../../http/operation.ts';
import { AgUiBody } from './decode.ts';

/** How the OpenAPI document describes this protocol. */
export const agUiOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/ag-ui',
    operationId: 'ag_ui_run',
    summary: 'For AG-UI: the url of an HttpAgent',
    tags: ['ag-ui'],
    request: AgUiBody,
    responses: {
      200: {
        description: 'Events of AG-UI 1.0',
        contentType: 'text/event-stream',
        example:
          'data: {"type":"RUN_STARTED","threadId":"t","runId":"r"}\n\n' +
          'data: {"type":"TEXT_MESSAGE_START","messageId":"m","role":"assistant"}\n\n' +
          'data: {"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"Hello"}\n\n' +
          'data: {"type":"TEXT_MESSAGE_END","messageId":"m"}\n\n' +
          'data: {"type":"RUN_FINISHED","threadId":"t","runId":"r"}\n\n',
      },
    },
    errors: [400, 401, 404, 409, 413, 422, 429, 503],
  },
];
