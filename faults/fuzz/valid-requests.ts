/** A request that is answered with success as it stands. */
export interface ValidRequest {
  readonly path: string;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

const TEXT = 'm0 canary-fuzz echo 0';
/** What was said before, as `/v1/responses/compact` gives it. */
const COMPACTION =
  'jims1.G2sAAITnbUf--AONtAvCeFk3pxywBxzVoowCOxw2xs4JHPUlr092iRJLNLRiJhzx-cZS6GnC9XRfOWMfjEVlNg';

/** One of each way to send a body in, with as many of its fields as fit together. */
export function validRequests(threadId: string, contact = 'fuzz'): readonly ValidRequest[] {
  const turn = { message: TEXT, contact_id: contact };
  const chatMessages = [
    { role: 'system', content: 'Be short.' },
    { role: 'user', content: TEXT },
  ];
  const a2aMessage = { messageId: 'one', role: 'ROLE_USER', parts: [{ text: TEXT }] };
  const mcp = { accept: 'application/json, text/event-stream' };
  const a2a = { 'a2a-version': '1.0', 'x-jims-contact-id': contact };
  return [
    { path: '/api/v1/chat', body: { ...turn, on_busy: 'queue' } },
    { path: '/api/v1/chat', body: { ...turn, thread_id: threadId } },
    { path: '/api/v1/chat/stream', body: { ...turn, include: ['thread', 'delta', 'event'] } },
    { path: '/api/v1/threads', body: { contact_id: contact, thread_config: { a: { b: [1] } } } },
    { path: `/api/v1/threads/${threadId}/runs`, body: turn },
    {
      path: '/v1/chat/completions',
      body: { model: 'jims', messages: chatMessages, user: contact, temperature: 0.5, n: 1 },
    },
    {
      path: '/v1/chat/completions',
      body: { model: 'jims', messages: chatMessages, stream: true, user: contact },
    },
    { path: '/v1/responses', body: { model: 'jims', input: TEXT, metadata: { a: 'b' } } },
    {
      path: '/v1/responses',
      body: {
        input: [
          { type: 'compaction', encrypted_content: COMPACTION },
          { role: 'user', content: TEXT },
        ],
      },
    },
    { path: '/v1/responses/compact', body: { model: 'jims', input: chatMessages } },
    {
      path: '/ai-sdk/chat',
      body: {
        id: 'chat-1',
        trigger: 'submit-message',
        messages: [{ id: 'a', role: 'user', parts: [{ type: 'text', text: TEXT }] }],
      },
    },
    {
      path: '/ag-ui',
      body: {
        threadId: 'thread-1',
        runId: 'run-1',
        state: {},
        messages: [{ id: 'a', role: 'user', content: TEXT }],
        tools: [],
        context: [],
        forwardedProps: {},
      },
    },
    { path: '/deep-chat', body: { messages: [{ role: 'user', text: TEXT }] } },
    {
      path: '/mcp',
      headers: mcp,
      body: {
        jsonrpc: '2.0',
        id: 7,
        method: 'tools/call',
        params: { name: 'chat', arguments: { message: TEXT } },
      },
    },
    {
      path: '/a2a',
      headers: a2a,
      body: { jsonrpc: '2.0', id: 7, method: 'SendMessage', params: { message: a2aMessage } },
    },
    { path: '/a2a/rest/message:send', headers: a2a, body: { message: a2aMessage } },
  ];
}
