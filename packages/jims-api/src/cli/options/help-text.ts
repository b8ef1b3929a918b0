import { variableOf } from './option-table.ts';
import type { OptionTable } from './option-table.ts';

const PLACEHOLDER = { text: ' TEXT', integer: ' INTEGER', flag: '' } as const;

const EXAMPLES = `Examples:
  jims-api --app ./app.ts:app
  JIMS_API_KEY=s3cret jims-api --app ./app.ts --db postgresql://jims@localhost/jims

Each option is also an environment variable (in brackets), and may stand in a file .env in the
current folder. Flags win over the environment, the environment over .env.
`;

/** The text of `--help`: every option with its variable and its default. */
export function helpText(table: OptionTable): string {
  const groups = Map.groupBy(Object.entries(table), ([, spec]) => spec.group);
  const width = Math.max(
    ...Object.entries(table).map(([name, { type }]) => title(name, type).length),
  );
  const sections = [...groups].map(([group, options]) => {
    const lines = options.map(([name, spec]) => {
      const variables = [variableOf(name), ...(spec.variables ?? [])].join(' or ');
      const facts = [variables, ...(spec.default ? [`default: ${spec.default}`] : [])];
      const hint = name === 'help' || name === 'version' ? '' : `  [${facts.join('; ')}]`;
      return `  ${title(name, spec.type).padEnd(width)}  ${spec.help}${hint}`;
    });
    return `${group}:\n${lines.join('\n')}\n`;
  });
  return `Usage: jims-api [OPTIONS]\n\nServes a JIMS app over HTTP.\n\n${sections.join('\n')}\n${EXAMPLES}`;
}

function title(name: string, type: keyof typeof PLACEHOLDER): string {
  return `--${name}${PLACEHOLDER[type]}`;
}
