/** The answer that the OpenAPI document shows as an example. */
export const EXAMPLE_ANSWER = {
  thread_id: '0190d3a0-abcd-7222-8333-444444444446',
  created_new_thread: true,
  assistant_messages: ['You said: Hello'],
  events: [
    {
      event_type: 'comm.assistant_message',
      event_data: { role: 'assistant', content: 'You said: Hello' },
    },
  ],
};
