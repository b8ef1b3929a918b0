/**
 * What the second version changes in our tables. The functions are not here: see `functions.ts`.
 *
 * Where the original's tables are stands with each version, in a table that a role which may use the
 * store can read already: an upgrade needs no new grant.
 */
export const STEP_2 = `
alter table jims.migrations add column tables_schema text;
`;
