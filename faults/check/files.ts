// What must be so of files, at any moment and at the end.
import type { Checks } from './checks.ts';
import { readFiles } from './file-facts.ts';
import type { FileFacts } from './file-facts.ts';

/** What clients know of files. Ids are without hyphens. */
export interface KnownFiles {
  /** The digests of those that were acknowledged. */
  readonly kept: ReadonlyMap<string, string>;
  /** Those that were removed, though a message may name them. */
  readonly removed: ReadonlySet<string>;
  /** Those that are being erased, or are. */
  readonly removedThreads: ReadonlySet<string>;
  /** What is in the bytes of files that are erased. */
  readonly erasedMarks: ReadonlySet<string>;
}

/** A ready file has its bytes, the files of each message are there, and no bytes are without a record. */
export async function checkFiles(
  checks: Checks,
  db: string,
  { kept, removed, removedThreads }: Omit<KnownFiles, 'erasedMarks'>,
): Promise<FileFacts> {
  // Before they are read: others go on meanwhile.
  const acknowledged = [...kept];
  const facts = await readFiles(db);
  const bytes = new Map(
    facts.bytes.filter(({ isHalf }) => !isHalf).map((each) => [each.fileId, each]),
  );
  const rows = new Map(facts.rows.map((row) => [row.fileId, row]));
  for (const { fileId, size, digest } of facts.rows.filter(({ isReady }) => isReady)) {
    const found = bytes.get(fileId);
    checks.that('file', found?.size === size && found.digest === digest, () => {
      return `file ${fileId} is ready with ${size} bytes, and ${found?.size ?? 'none'} are there`;
    });
  }
  for (const { fileId } of facts.bytes) {
    checks.that('file', rows.has(fileId), () => `the bytes of ${fileId} are without a record`);
  }
  for (const { fileId, threadId } of facts.named) {
    if (removedThreads.has(threadId)) continue;
    const isThere = rows.get(fileId)?.isReady === true || removed.has(fileId);
    checks.that('file', isThere, () => `thread ${threadId} names ${fileId}, which is not there`);
  }
  for (const [fileId, digest] of acknowledged) {
    checks.that('file', removed.has(fileId) || rows.get(fileId)?.digest === digest, () => {
      return `file ${fileId} was acknowledged, and is not there`;
    });
  }
  return facts;
}

/** When all is swept: what is left is named by a message, and nothing of what was erased can be found. */
export function checkSwept(checks: Checks, facts: FileFacts, { erasedMarks }: KnownFiles): void {
  const named = new Set(facts.named.map(({ fileId }) => fileId));
  for (const { fileId, isReady } of facts.rows) {
    checks.that('file', isReady && named.has(fileId), () => {
      return `the record of ${fileId} is left, ${isReady ? 'which no message names' : 'half'}`;
    });
  }
  for (const { fileId, head } of facts.bytes) {
    const mark = /<([^>]*)>/.exec(head)?.[1] ?? '';
    checks.that('erased', !erasedMarks.has(mark), () => {
      return `${mark} was erased, and bytes of it are left in ${fileId}`;
    });
  }
}
