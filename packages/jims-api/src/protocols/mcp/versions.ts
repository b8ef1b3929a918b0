import { HttpError } from '../../http/errors.ts';
import type { Call } from '../../http/route.ts';

/** Newest first. What differs between them is nothing that is spoken here. */
const VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'] as const;

/** The version to speak with a client that asks for this one. */
export function negotiate(asked: unknown): string {
  return VERSIONS.find((version) => version === asked) ?? VERSIONS[0];
}

/** @throws HttpError 400 for a version that nobody was told to speak. */
export function requireVersion({ request }: Call): void {
  const version = request.headers.get('mcp-protocol-version');
  if (version === null || VERSIONS.some((known) => known === version)) return;
  throw new HttpError(400, `MCP-Protocol-Version must be one of ${VERSIONS.join(', ')}`, {
    code: 'mcp_version_not_supported',
  });
}
