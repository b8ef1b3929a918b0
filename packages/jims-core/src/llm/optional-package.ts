import { JimsError } from '../errors.ts';

/**
 * Gives a package that an app installs only when it needs it.
 *
 * @throws JimsError `llm_unusable` that names the command which installs it.
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
    throw new JimsError(
      'llm_unusable',
      `${neededBy} needs the package ${name}: npm install ${name}`,
      { cause },
    );
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
