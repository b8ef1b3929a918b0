import type { ChatFile, JimsClient } from 'jims-client';

/** The bytes of a file, with the client's token; without a client its address must be open. */
export async function readFile(
  { fileId, url }: ChatFile,
  client: JimsClient | undefined,
): Promise<Blob> {
  if (fileId !== undefined && client) return client.files.read(fileId);
  const response = await fetch(url ?? '');
  if (!response.ok) throw new Error(`The service answers ${response.status}`);
  return response.blob();
}
