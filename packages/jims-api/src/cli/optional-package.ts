import { peerVersion } from '../version.ts';

/** An option was given that needs a package, and the package is not installed. */
export class PackageMissingError extends Error {
  override readonly name = 'PackageMissingError';
}

/**
 * Gives a package that is installed only by who needs it.
 *
 * @throws PackageMissingError that names the command which installs it.
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
    // Without its version npm may choose one for another Node, and then refuse it.
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
