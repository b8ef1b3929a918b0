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
