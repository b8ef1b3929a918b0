-- The original's two tables, as SQLAlchemy declares them. Each is made where it is missing.

create table original.threads (
  thread_id uuid not null,
  contact_id character varying,
  external_id character varying,
  created_at timestamp without time zone not null,
  thread_config jsonb not null,
  constraint threads_pkey primary key (thread_id)
);

create table original.thread_events (
  thread_id uuid not null,
  event_id uuid not null,
  created_at timestamp without time zone default now() not null,
  event_type character varying(255) not null,
  event_domain character varying(255),
  event_name character varying(255),
  event_data json,
  constraint thread_events_pkey primary key (thread_id, event_id)
);
