/** What is wrong with a JSON text. `index` counts UTF-16 units. */
export class JsonFault extends SyntaxError {
  readonly index: number;
  /** Where the string ends that begins at `index` and is refused for a NUL alone. */
  readonly endOfNulString: number | undefined;

  constructor(message: string, index: number, endOfNulString?: number) {
    super(message);
    this.index = index;
    this.endOfNulString = endOfNulString;
  }
}

/** What of a number JavaScript could not keep; `undefined` when it is kept as it is. */
export function lossOf(source: string, isInteger: boolean): string | undefined {
  const value = Number(source);
  if (!Number.isFinite(value)) return 'Number out of range';
  if (!isInteger || Number.isSafeInteger(value)) return undefined;
  if (BigInt(source) === BigInt(value)) return undefined;
  return 'Integer too large to be kept exactly, send it as a string';
}
