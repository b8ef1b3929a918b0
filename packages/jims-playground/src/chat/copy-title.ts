import type { JimsClient, Thread } from 'jims-client';

/** Gives a copy of a thread a title that says that it is one. */
export async function nameCopy(
  client: JimsClient,
  originalId: string,
  copyId: string,
): Promise<void> {
  const { title }: Thread = await client.threads.get(originalId);
  if (title !== null) await client.threads.rename(copyId, copyTitleOf(title));
}

const COPY = / \(copy(?: (\d{1,6}))?\)$/;
/** Longer titles are cut by the service, at their end. */
const MAX_TITLE = 80;

/** `A`, `A (copy)`, `A (copy 2)`. */
function copyTitleOf(title: string): string {
  const copy = COPY.exec(title);
  const mark = copy ? ` (copy ${Number(copy[1] ?? 1) + 1})` : ' (copy)';
  const characters = Array.from(title.replace(COPY, ''));
  const most = MAX_TITLE - mark.length;
  const kept = characters.length > most ? [...characters.slice(0, most - 1), '…'] : characters;
  return kept.join('') + mark;
}
