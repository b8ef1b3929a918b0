-- Our triggers on the original's tables: what the original writes counts in lists and in the search, too. Each
-- is made where it is missing. They name no columns, which could not be altered then.

create trigger jims_events_noted after insert on original.thread_events
  referencing new table as added for each statement execute function jims.note_events();

create trigger jims_thread_noted after insert or update or delete on original.threads
  for each row execute function jims.note_thread();
