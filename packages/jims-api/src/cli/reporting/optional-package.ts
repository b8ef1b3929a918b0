import { peerVersion } from '../../version.ts';

/** An option needs a package that is not installed. */
export class PackageMissingError extends Error {
  override readonly name = 'PackageMissingError';
}

/**
 * Loads a package that only some users install.
 *
 * @throws PackageMissingError that names the command to install it.
 */
export async function optionalPackage<T>(
  name: string,
  neededBy: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!isMissing(cause, name)) throw cause;
    // Without a version npm may choose one that does not fit, and then refuse to install it.
    const version = peerVersion(name);
    const wanted = version === undefined ? name : `${name}@${version}`;
    throw new PackageMissingError(`${neededBy} needs the package ${name}: npm install ${wanted}`, {
      cause,
    });
  }
}

function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(`'${name}'`)
  );
}
