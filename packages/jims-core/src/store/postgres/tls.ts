import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';

import { JimsError, describeError } from '../../errors/jims-error.ts';

/** How the connection is encrypted; false for a connection that is not. */
export type Tls = ConnectionOptions | false;

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];
type Mode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full' | 'no-verify';
/** What the parameter `ssl` may be beside the modes. */
const SWITCHES: Readonly<Record<string, Mode>> = {
  true: 'verify-full',
  1: 'verify-full',
  on: 'verify-full',
  yes: 'verify-full',
  false: 'disable',
  0: 'disable',
  off: 'disable',
  no: 'disable',
};
const DEFAULT_ROOT = join('.postgresql', 'root.crt');
/** Instead of a file it stands for the authorities that the system and Node trust. */
const SYSTEM = 'system';

/**
 * The connections to try, in this order, as `libpq` does by `sslmode`. `ssl` is the name that asyncpg and
 * SQLAlchemy have for it, and `no-verify` is a mode of node-postgres. Without any of them TLS is used when
 * the server insists on it.
 *
 * @throws JimsError `store_invalid` for an unknown mode, and for a certificate that cannot be read.
 */
export function tlsAttempts(parameters: ReadonlyMap<string, string>): readonly [Tls, ...Tls[]] {
  const root = parameters.get('sslrootcert') || variable('PGSSLROOTCERT') || existingDefaultRoot();
  const mode = readMode(parameters) ?? (root === SYSTEM ? 'verify-full' : 'allow');
  if (root === SYSTEM && mode !== 'verify-full' && mode !== 'disable') {
    throw new JimsError(
      'store_invalid',
      `sslrootcert=system cannot be used with sslmode=${mode}: use sslmode=verify-full`,
    );
  }
  const encrypted = (): Tls => ({ ...clientCertificate(parameters), ...verification(mode, root) });
  switch (mode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, encrypted()];
    case 'prefer':
      return [encrypted(), false];
    default:
      return [encrypted()];
  }
}

function readMode(parameters: ReadonlyMap<string, string>): Mode | undefined {
  const given = parameters.get('sslmode') || parameters.get('ssl') || variable('PGSSLMODE');
  if (!given) return undefined;
  const mode = SWITCHES[given.toLowerCase()] ?? given.toLowerCase();
  if (isMode(mode)) return mode;
  const modes = MODES.join(', ');
  const reason = `The sslmode of the PostgreSQL URL, or PGSSLMODE, is unknown: use one of ${modes}`;
  throw new JimsError('store_invalid', reason);
}

function isMode(text: string): text is Mode {
  return MODES.includes(text);
}

/** Whether the server must prove that it is the right one. With an authority `require` checks that, too. */
function verification(mode: Mode, root: string | undefined): ConnectionOptions {
  if (mode === 'verify-full') return authority(root);
  if (mode === 'verify-ca' && root === undefined) {
    throw new JimsError(
      'store_invalid',
      'sslmode=verify-ca needs the certificate of the authority: name its file by sslrootcert=FILE, or use sslmode=verify-full',
    );
  }
  const isChecked = mode === 'verify-ca' || (mode === 'require' && root !== undefined);
  if (!isChecked) return { rejectUnauthorized: false };
  return { ...authority(root), checkServerIdentity: () => undefined };
}

function authority(root: string | undefined): ConnectionOptions {
  if (root === undefined) return {};
  if (root === SYSTEM) {
    return { ca: [...getCACertificates('default'), ...getCACertificates('system')] };
  }
  const ca = readCertificate('sslrootcert', root);
  // Node would trust all authorities that it knows, or none, and not say so.
  if (ca.includes('-----BEGIN ')) return { ca };
  throw new JimsError(
    'store_invalid',
    'The file of sslrootcert has no certificate in PEM form: convert it with openssl x509 -inform der',
  );
}

function clientCertificate(parameters: ReadonlyMap<string, string>): ConnectionOptions {
  const cert = parameters.get('sslcert') || variable('PGSSLCERT');
  const key = parameters.get('sslkey') || variable('PGSSLKEY');
  const passphrase = parameters.get('sslpassword');
  return {
    ...(cert && { cert: readCertificate('sslcert', cert) }),
    ...(key && { key: readCertificate('sslkey', key) }),
    ...(passphrase && { passphrase }),
  };
}

/** Without white space around it: the file of a secret ends with a line break. Empty means not set. */
function variable(name: string): string | undefined {
  return process.env[name]?.trim();
}

function existingDefaultRoot(): string | undefined {
  const file = join(homedir(), DEFAULT_ROOT);
  return existsSync(file) ? file : undefined;
}

function readCertificate(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = describeError(cause).message;
    throw new JimsError('store_invalid', `Cannot read the file of ${name}: ${reason}`, { cause });
  }
}
