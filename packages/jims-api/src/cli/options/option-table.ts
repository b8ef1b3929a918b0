/** One option of a command: a flag and an environment variable with the same meaning. */
export interface OptionSpec {
  /** Default: text. */
  readonly type?: keyof typeof PLACEHOLDER;
  readonly help: string;
  /** Shown in the help; applied by the code that reads the option. */
  readonly default?: string;
  /** Other variables that are read when `JIMS_<NAME>` is not set. */
  readonly variables?: readonly string[];
  /** May be given several times; a variable then holds a list with commas. */
  readonly several?: boolean;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;
/** Options as the help shows them: by the titles of their groups. */
export type OptionGroups = Readonly<Record<string, OptionTable>>;
export type Environment = Readonly<Record<string, string | undefined>>;

const PLACEHOLDER = { text: ' TEXT', integer: ' INTEGER', flag: '' } as const;

/** What `--help` says beside the options. */
export interface HelpText {
  /** How the command is called, and what it does. */
  readonly head: string;
  readonly examples: string;
  /** Whether an option is also a variable; default: every one is. */
  readonly isVariable?: (name: string) => boolean;
}

/** The text of `--help`: every option with its variables and its default. */
export function helpText(
  groups: OptionGroups,
  { head, examples, isVariable = () => true }: HelpText,
): string {
  const all = Object.values(groups).flatMap(Object.entries<OptionSpec>);
  const width = Math.max(...all.map(([name, spec]) => title(name, spec).length));
  const sections = Object.entries(groups).map(([group, options]) => {
    const lines = Object.entries(options).map(([name, spec]) => {
      const isQuestion = name === 'help' || name === 'version';
      const facts = isVariable(name) && !isQuestion ? [variablesOf(name, spec).join(' or ')] : [];
      if (spec.default) facts.push(`default: ${spec.default}`);
      const hint = facts.length === 0 ? '' : `  [${facts.join('; ')}]`;
      return `  ${title(name, spec).padEnd(width)}  ${spec.help}${hint}`;
    });
    return `${group}:\n${lines.join('\n')}\n`;
  });
  return `${head}\n${sections.join('\n')}\n${examples}`;
}

function title(name: string, { type = 'text' }: OptionSpec): string {
  return `--${name}${PLACEHOLDER[type]}`;
}

/** `api-key` → `JIMS_API_KEY`. */
export function variableOf(name: string): string {
  return `JIMS_${name.replaceAll('-', '_').toUpperCase()}`;
}

/** All variables of an option, in the order in which they are read. */
export function variablesOf(name: string, { variables = [] }: OptionSpec): readonly string[] {
  return [variableOf(name), ...variables];
}
