/** The tables that the Python original has, too, and the columns that JIMS needs in them. */
export const ORIGINAL_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  threads: ['thread_id', 'contact_id', 'external_id', 'created_at', 'thread_config'],
  thread_events: [
    'thread_id',
    'event_id',
    'created_at',
    'event_type',
    'event_domain',
    'event_name',
    'event_data',
  ],
};
