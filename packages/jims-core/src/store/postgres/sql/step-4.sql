-- What the fourth version changes in our tables: what lists show of threads, the search, feedback, files,
-- and processes.
-- The functions are not here, and neither are the triggers on the original's tables.

alter table jims.instances
  -- Since when its process holds a lock that ends with its connection; null where it holds none.
  add column locked_since timestamp with time zone;

-- What changes in a thread with each event. Triggers only note what there is to do; who reads it, does it first
-- (see noted.sql). The contact is indexed by a hash, as its id may
-- be longer than an entry of an index can be. `superseded` comes before the time in each index: a list of all
-- threads merges two ranges, which costs less than one more index in every turn.
create table jims.thread_activity (
  thread_id uuid primary key,
  contact_id text,
  superseded boolean not null default false,
  -- Whether a question to the contact is open.
  waiting boolean not null default false,
  -- Whether a message has such feedback.
  up boolean not null default false,
  down boolean not null default false,
  last_event_at timestamp without time zone not null,
  -- The contact's first message, and the newest one of anybody.
  first_message_id uuid,
  last_message_id uuid,
  -- The newest event that gave or took a title.
  title_id uuid
);
create index thread_activity_contact on jims.thread_activity
  (hashtextextended(contact_id, 0), superseded, last_event_at, thread_id);
create index thread_activity_order on jims.thread_activity (superseded, last_event_at, thread_id);
create index thread_activity_contact_waiting on jims.thread_activity
  (hashtextextended(contact_id, 0), superseded, last_event_at, thread_id) where waiting;
create index thread_activity_waiting on jims.thread_activity
  (superseded, last_event_at, thread_id) where waiting;
create index thread_activity_contact_up on jims.thread_activity
  (hashtextextended(contact_id, 0), superseded, last_event_at, thread_id) where up;
create index thread_activity_up on jims.thread_activity
  (superseded, last_event_at, thread_id) where up;
create index thread_activity_contact_down on jims.thread_activity
  (hashtextextended(contact_id, 0), superseded, last_event_at, thread_id) where down;
create index thread_activity_down on jims.thread_activity
  (superseded, last_event_at, thread_id) where down;

-- What the rows above, and the search, do not know yet. Without an index, and without a key: it is written in
-- every turn, and read as a whole. Often emptied, so its room is soon to be used again.
create table jims.noted (
  thread_id uuid not null,
  -- Null when it is about the thread itself: its contact, its external id, its questions or its feedback.
  event_id uuid,
  -- True when the thread was removed.
  is_gone boolean
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- How far the rows for what was there before are made.
create table jims.backfills (
  name text primary key,
  looked_at uuid,
  is_done boolean not null default false
);

-- Messages that the search does not know yet. Without an index: it is read as a whole.
create table jims.unindexed (
  thread_id uuid not null,
  event_id uuid not null,
  -- A process is at work on it until then, if it lives.
  claimed_until timestamp with time zone
);
-- Threads all of whose messages it does not know yet, and the position up to which it knows them.
create table jims.unindexed_threads (
  thread_id uuid primary key,
  created_at timestamp without time zone,
  event_id uuid
);
create table jims.message_search (
  thread_id uuid not null,
  event_id uuid not null,
  -- Each word with the contact before it: a search touches nothing of others, also for the beginning of a word.
  words tsvector not null,
  primary key (thread_id, event_id)
);
-- What waits to be sorted in is read by every search, so it is little.
create index message_search_words on jims.message_search using gin (words)
  with (fastupdate = on, gin_pending_list_limit = 256);

-- Threads that are gone, whose feedback and words may not be: somebody may have been at work on them.
create table jims.forgetting (
  thread_id uuid primary key,
  since timestamp with time zone not null default clock_timestamp()
);

create table jims.feedback (
  thread_id uuid not null,
  message_id uuid not null,
  value text not null,
  comment text,
  tags json,
  -- The time of its event.
  at timestamp without time zone not null,
  primary key (thread_id, message_id)
);
create index feedback_order on jims.feedback (at, message_id);
create index feedback_value on jims.feedback (value, at, message_id);
create index feedback_thread on jims.feedback (thread_id, at, message_id);
create index feedback_thread_value on jims.feedback (thread_id, value);

create table jims.files (
  file_id uuid primary key,
  contact_id text not null,
  state text not null default 'uploading',
  name text not null,
  media_type text,
  size bigint not null,
  digest text,
  created_at timestamp without time zone not null default (clock_timestamp() at time zone 'utc'),
  thread_id uuid,
  -- The message of an app that is going to name it; null when that is stored.
  event_id uuid
);
create index files_contact on jims.files (hashtextextended(contact_id, 0), created_at, file_id)
  where state <> 'erasing';
create index files_thread on jims.files (thread_id, created_at, file_id)
  where state <> 'erasing' and thread_id is not null;
create index files_unnamed on jims.files (created_at, file_id)
  where state = 'uploading' or (state = 'ready' and (thread_id is null or event_id is not null));
create index files_erasing on jims.files (file_id) where state = 'erasing';

create table jims.file_chunks (
  file_id uuid not null,
  n integer not null,
  bytes bytea not null,
  primary key (file_id, n)
);
-- Most files are compressed as they are.
alter table jims.file_chunks alter column bytes set storage external;

-- A function that is not there yet cannot have a trigger; its body is with the others.
create function jims.note_question() returns trigger language plpgsql as $$
begin
  return null;
end
$$;
create trigger question_added after insert on jims.questions
  for each row when (new.audience = 'contact' and new.state = 'open')
  execute function jims.note_question();
create trigger question_changed after update on jims.questions
  for each row when (new.audience = 'contact' and old.state is distinct from new.state)
  execute function jims.note_question();
create trigger question_removed after delete on jims.questions
  for each row when (old.audience = 'contact' and old.state = 'open')
  execute function jims.note_question();

-- Every role that may use the runs may use them, too: an upgrade by another role needs no new grant.
do $$
declare
  v_grant record;
begin
  for v_grant in
    select case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as role,
           privilege_type as privilege
    from pg_class c, aclexplode(c.relacl)
    where c.oid = (select typrelid from pg_type where oid = pg_typeof(null::jims.runs)::oid)
      and grantee <> c.relowner
  loop
    -- Between dollars, as the name of the schema may have quotes in it.
    execute 'grant ' || v_grant.privilege || $sql$ on
      jims.thread_activity, jims.noted, jims.backfills, jims.unindexed, jims.unindexed_threads, jims.message_search,
      jims.forgetting, jims.feedback, jims.files, jims.file_chunks to $sql$ || v_grant.role;
  end loop;
end
$$;
