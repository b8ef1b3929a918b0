/** Later than any time: nothing of a thread is to be indexed. */
export const ALL_INDEXED = '9999-12-31 23:59:59.999999';
/** Earlier than any time. */
const NONE_INDEXED = '0000-01-01 00:00:00.000000';
/** No event has this id. */
export const NO_MESSAGE: string = '0'.repeat(32);

/** A time with its fraction, which the original leaves out of whole seconds. */
export function full(time: string): string {
  return `substr(${time} || '.000000', 1, 26)`;
}

/** A thread that gets another title, or whose messages are rated, does not go on by that. */
export function isAboutThread(type: string): string {
  return `${type} IN ('jims.thread.titled', 'feedback.given', 'feedback.withdrawn')`;
}

const NEWEST_OF =
  'WHERE e.thread_id = t.thread_id ORDER BY e.created_at DESC, e.event_id DESC LIMIT 1';
/** Whether another thread took over from the thread that has this external id. */
export function isSuperseded(externalId: string): string {
  return `coalesce(${externalId}, '') GLOB 'jims:superseded:*'`;
}

/** The row of a thread `t` as it is now. */
const ACTIVITY_OF = `SELECT t.thread_id, t.contact_id, ${isSuperseded('t.external_id')},
       ${full(`max(t.created_at, coalesce((SELECT e.created_at FROM thread_events e ${NEWEST_OF}), ''))`)},
       coalesce((SELECT e.event_id FROM thread_events e
         WHERE e.thread_id = t.thread_id AND e.event_type GLOB 'comm.*'
         ORDER BY e.created_at DESC, e.event_id DESC LIMIT 1), '${NO_MESSAGE}') AS last_message_id`;

/** Each list has an index of its own, of one contact and of all; indexes of few threads cost nothing for others. */
const LISTS = ['', 'is_waiting', 'has_up', 'has_down'].map(
  (condition) => `
CREATE INDEX jims_activity_contact${condition && `_${condition}`}
	ON jims_activity (contact_id, standing, last_event_at, thread_id)${condition && ` WHERE ${condition}`};
CREATE INDEX jims_activity_all${condition && `_${condition}`}
	ON jims_activity (standing, last_event_at, thread_id)${condition && ` WHERE ${condition}`};`,
);

const FEEDBACK_FLAGS = (row: string): string => `
	UPDATE jims_activity SET
		has_up = EXISTS (SELECT 1 FROM jims_feedback f WHERE f.thread_id = ${row}.thread_id AND f.value = 'up'),
		has_down = EXISTS (SELECT 1 FROM jims_feedback f WHERE f.thread_id = ${row}.thread_id AND f.value = 'down')
	WHERE thread_id = ${row}.thread_id;`;

/**
 * What lists of threads show and are sorted by. Triggers note what comes, so that rows of other programs count,
 * too: these may have an old SQLite, so the triggers use nothing new. `jims_noted` is brought into `jims_activity`
 * before that is read: see `NotedEvents`. `standing` is 0, 1 for a superseded thread, 2
 * for one that is gone, until what the search knows of it is erased. Its columns keep their size: a row that
 * grows may be copied to another page, and the copy that stays behind is not overwritten when it is erased.
 *
 * A shelf holds up to so many messages of one contact. In the search table each word begins with its shelf,
 * because its cost grows with the number of all messages that have a word.
 */
export const STEP_5: string = `
CREATE INDEX jims_thread_events_titled ON thread_events (thread_id, created_at, event_id)
	WHERE event_type = 'jims.thread.titled';
CREATE TABLE jims_activity (
	thread_no INTEGER PRIMARY KEY,
	thread_id TEXT NOT NULL UNIQUE,
	contact_id TEXT,
	standing INTEGER NOT NULL,
	last_event_at TEXT NOT NULL,
	last_message_id TEXT NOT NULL,
	is_waiting INTEGER NOT NULL DEFAULT 0,
	has_up INTEGER NOT NULL DEFAULT 0,
	has_down INTEGER NOT NULL DEFAULT 0,
	unindexed_since TEXT NOT NULL DEFAULT '${ALL_INDEXED}',
	indexed_until TEXT NOT NULL DEFAULT '${NONE_INDEXED}'
);
INSERT INTO jims_activity (thread_id, contact_id, standing, last_event_at, last_message_id)
${ACTIVITY_OF} FROM threads t ORDER BY t.created_at, t.thread_id;
UPDATE jims_activity SET unindexed_since = '${NONE_INDEXED}' WHERE last_message_id <> '${NO_MESSAGE}';
UPDATE jims_activity SET is_waiting = 1 WHERE thread_id IN (
	SELECT thread_id FROM jims_questions WHERE state = 'open' AND audience = 'contact');
${LISTS.join('')}
CREATE INDEX jims_activity_unindexed ON jims_activity (unindexed_since)
	WHERE unindexed_since < '${ALL_INDEXED}';

CREATE TABLE jims_noted (
	thread_id TEXT NOT NULL,
	event_id TEXT NOT NULL
);
CREATE TRIGGER jims_thread_made AFTER INSERT ON threads BEGIN
	INSERT INTO jims_noted VALUES (NEW.thread_id, '');
END;
CREATE TRIGGER jims_thread_renamed AFTER UPDATE OF external_id, contact_id ON threads BEGIN
	UPDATE jims_activity SET contact_id = NEW.contact_id, standing = ${isSuperseded('NEW.external_id')} WHERE thread_id = NEW.thread_id;
END;
CREATE TRIGGER jims_thread_gone AFTER DELETE ON threads BEGIN
	UPDATE jims_activity SET contact_id = NULL, standing = 2, is_waiting = 0, has_up = 0, has_down = 0,
		unindexed_since = '${ALL_INDEXED}'
	WHERE thread_id = OLD.thread_id;
END;
CREATE TRIGGER jims_event_added AFTER INSERT ON thread_events BEGIN
	INSERT INTO jims_noted VALUES (NEW.thread_id, NEW.event_id);
END;
CREATE TRIGGER jims_question_asked AFTER INSERT ON jims_questions
	WHEN NEW.state = 'open' AND NEW.audience = 'contact' BEGIN
	UPDATE jims_activity SET is_waiting = 1 WHERE thread_id = NEW.thread_id AND standing < 2;
END;
CREATE TRIGGER jims_question_closed AFTER UPDATE OF state ON jims_questions
	WHEN OLD.state = 'open' AND NEW.state <> 'open' AND NEW.audience = 'contact' BEGIN
	UPDATE jims_activity SET is_waiting = 0 WHERE thread_id = NEW.thread_id;
END;
CREATE TRIGGER jims_question_removed AFTER DELETE ON jims_questions
	WHEN OLD.state = 'open' AND OLD.audience = 'contact' BEGIN
	UPDATE jims_activity SET is_waiting = 0 WHERE thread_id = OLD.thread_id;
END;

CREATE TABLE jims_feedback (
	thread_id TEXT NOT NULL,
	message_id TEXT NOT NULL,
	value TEXT NOT NULL CHECK (value IN ('up', 'down')),
	comment TEXT,
	tags TEXT,
	at TEXT NOT NULL,
	PRIMARY KEY (thread_id, message_id)
);
CREATE INDEX jims_feedback_order ON jims_feedback (at, message_id);
CREATE INDEX jims_feedback_value ON jims_feedback (value, at, message_id);
CREATE INDEX jims_feedback_thread ON jims_feedback (thread_id, at, message_id);
CREATE TRIGGER jims_feedback_given AFTER INSERT ON jims_feedback BEGIN${FEEDBACK_FLAGS('NEW')}
END;
CREATE TRIGGER jims_feedback_withdrawn AFTER DELETE ON jims_feedback BEGIN${FEEDBACK_FLAGS('OLD')}
END;

CREATE VIRTUAL TABLE jims_search USING fts5(words, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
INSERT INTO jims_search (jims_search, rank) VALUES ('secure-delete', 1);
CREATE TABLE jims_searched (
	doc INTEGER PRIMARY KEY,
	thread_no INTEGER NOT NULL,
	event_id TEXT NOT NULL
);
CREATE INDEX jims_searched_thread ON jims_searched (thread_no);
CREATE TABLE jims_shelves (
	shelf INTEGER PRIMARY KEY AUTOINCREMENT,
	contact_key TEXT NOT NULL,
	messages INTEGER NOT NULL
);
CREATE INDEX jims_shelves_contact ON jims_shelves (contact_key, shelf);

-- state: 0 is uploading, 1 is ready, 2 is erasing. Where a file belongs to nothing yet there are zeroes, for the
-- reason that is given for jims_activity.
CREATE TABLE jims_files (
	file_id TEXT PRIMARY KEY,
	contact_id TEXT NOT NULL,
	name TEXT NOT NULL,
	state INTEGER NOT NULL,
	media_type TEXT,
	size INTEGER NOT NULL,
	digest TEXT,
	thread_id TEXT,
	event_id TEXT,
	is_named INTEGER NOT NULL DEFAULT 0,
	created_at TEXT NOT NULL
);
CREATE INDEX jims_files_contact ON jims_files (contact_id, created_at, file_id, size) WHERE state < 2;
CREATE INDEX jims_files_thread ON jims_files (thread_id, created_at, file_id) WHERE thread_id IS NOT NULL AND state < 2;
CREATE INDEX jims_files_unnamed ON jims_files (created_at) WHERE state < 2 AND NOT is_named;
CREATE INDEX jims_files_erasing ON jims_files (file_id) WHERE state = 2;
`;
