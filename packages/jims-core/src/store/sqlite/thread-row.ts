import type { Thread } from '../../thread/thread.ts';
import { fromHex, parseStoredObject } from './columns.ts';
import { toPublicTime } from './timestamp.ts';

export type ThreadRow = readonly [
  id: string,
  contactId: string | null,
  externalId: string | null,
  createdAt: string,
  config: string,
];

export function toThread([id, contactId, externalId, createdAt, config]: ThreadRow): Thread {
  return {
    id: fromHex(id),
    contactId: contactId ?? undefined,
    externalId: externalId ?? undefined,
    createdAt: toPublicTime(createdAt),
    config: parseStoredObject(config),
  };
}
