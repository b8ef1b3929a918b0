/** A uuid as SQLAlchemy keeps it on SQLite: 32 hex digits. */
export function toHex(uuid: string): string {
  return (
    uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24)
  );
}

/**
 * The usual form of 32 hex digits. Joined, as a template would leave a tree of pieces in memory, six
 * times the size.
 */
export function fromHex(hex: string): string {
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
