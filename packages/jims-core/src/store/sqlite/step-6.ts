/** Nothing is to be sent. As long as every other time here: see jims_activity for why a row must not grow. */
export const NEVER: number = 2 ** 47 - 1;
/** Due at once: a time in 1970. */
export const AT_ONCE: number = 2 ** 31;
/** No process has it. */
export const NO_CLAIM: string = '0'.repeat(32);

const NOW_MS = `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`;

/** Notes a change of a chain for all who subscribed to it. */
const noted = (chain: string, change: 'ended' | 'withdrawn'): string => `
	INSERT INTO jims_deliveries (delivery_id, subscription_no, run_id, change, created_at)
	SELECT lower(hex(randomblob(16))), subscription_no, NEW.run_id, '${change}', ${NOW_MS}
	FROM jims_subscriptions WHERE chain_id = ${chain};
	UPDATE jims_subscriptions SET due_at = ${AT_ONCE} WHERE chain_id = ${chain} AND due_at = ${NEVER};
END;`;

const CHAIN_OF_RUN = 'coalesce(NEW.chain_id, NEW.run_id)';

/**
 * Who is to be sent what changes in chains, and what is still to be sent. Only the oldest delivery of a
 * subscription is sent, so the subscription has the time when it is due; while a process has it, that is the end
 * of its lease. Triggers note what is to be sent, so that it is in the transaction of each change, whatever made it.
 */
export const STEP_6: string = `
CREATE TABLE jims_subscriptions (
	subscription_no INTEGER PRIMARY KEY,
	thread_id TEXT NOT NULL,
	chain_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	owner TEXT NOT NULL,
	name TEXT NOT NULL,
	config TEXT NOT NULL,
	created_at TEXT NOT NULL,
	due_at INTEGER NOT NULL DEFAULT ${NEVER},
	claim TEXT NOT NULL DEFAULT '${NO_CLAIM}'
);
CREATE UNIQUE INDEX jims_subscriptions_chain ON jims_subscriptions (chain_id, kind, owner, name);
CREATE INDEX jims_subscriptions_thread ON jims_subscriptions (thread_id);
CREATE INDEX jims_subscriptions_due ON jims_subscriptions (due_at) WHERE due_at < ${NEVER};
CREATE TABLE jims_deliveries (
	delivery_no INTEGER PRIMARY KEY,
	delivery_id TEXT NOT NULL,
	subscription_no INTEGER NOT NULL,
	run_id TEXT NOT NULL,
	change TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	is_dead INTEGER NOT NULL DEFAULT 0,
	error TEXT
);
CREATE INDEX jims_deliveries_queue ON jims_deliveries (subscription_no, is_dead, delivery_no);
CREATE TRIGGER jims_subscription_removed AFTER DELETE ON jims_subscriptions BEGIN
	DELETE FROM jims_deliveries WHERE subscription_no = OLD.subscription_no;
END;
CREATE TRIGGER jims_run_ended AFTER UPDATE OF status ON jims_runs
	WHEN OLD.status IN ('queued', 'running') AND NEW.status IN ('completed', 'failed', 'cancelled')
		AND EXISTS (SELECT 1 FROM jims_subscriptions WHERE chain_id = ${CHAIN_OF_RUN}) BEGIN${noted(CHAIN_OF_RUN, 'ended')}
CREATE TRIGGER jims_chain_withdrawn AFTER UPDATE OF state ON jims_questions
	WHEN OLD.state = 'open' AND NEW.state = 'withdrawn' AND NEW.answered_by IS NULL BEGIN${noted('NEW.chain_id', 'withdrawn')}
`;
