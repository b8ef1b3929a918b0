import { describe } from 'node:test';

import { emptiedDatabase } from './emptied-database.ts';
import { freshDatabase } from './postgres.ts';
import { freshSqlite } from './sqlite.ts';

/** A kind of store, for suites that make the same promises of each. */
export interface StoreUnderTest {
  readonly name: 'sqlite' | 'postgres';
  /** A database of this kind in which nothing is stored, to be opened by its URL. */
  readonly fresh: () => Promise<AsyncDisposable & { readonly url: string }>;
  /** One that has no tables, either. */
  readonly bare: () => Promise<AsyncDisposable & { readonly url: string }>;
}

/** For what the suite of the stores shows of both. */
export const SQLITE: StoreUnderTest = {
  name: 'sqlite',
  fresh: freshSqliteFile,
  bare: freshSqliteFile,
};
const POSTGRES: StoreUnderTest = {
  name: 'postgres',
  fresh: emptiedDatabase,
  bare: freshDatabase,
};

/** Runs one suite on every store. */
export function describeStores(suite: (store: StoreUnderTest) => void): void {
  for (const store of [SQLITE, POSTGRES]) describe(store.name, () => suite(store));
}

async function freshSqliteFile(): Promise<AsyncDisposable & { readonly url: string }> {
  const file = freshSqlite();
  return { url: file.url, [Symbol.asyncDispose]: async () => file[Symbol.dispose]() };
}
