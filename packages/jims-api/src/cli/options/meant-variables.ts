import { distance, variableOf } from './option-table.ts';
import type { Environment, OptionTable } from './option-table.ts';

/** As Kubernetes, and the links of Docker, write the address of a service. */
const SERVICE_ADDRESS = /^(?:tcp|udp|sctp):\/\//i;

export interface MeantVariables {
  readonly env: Environment;
  readonly warnings: readonly string[];
}

/**
 * The environment without what others put into it: for a service named `jims` Kubernetes sets
 * `JIMS_PORT` to an address. Warns about that, and about names that are nearly those of an option:
 * a misspelt key would leave the service open.
 */
export function meantVariables(table: OptionTable, env: Environment): MeantVariables {
  const foreign = Object.entries(table)
    .filter(([, { type }]) => type === 'integer')
    .map(([name]) => ({ name, variable: variableOf(name) }))
    .filter(({ variable }) => SERVICE_ADDRESS.test(env[variable]?.trim() ?? ''));
  const warnings = foreign.map(
    ({ name, variable }) =>
      `${variable}=${env[variable]} is not heeded: Kubernetes sets it, for a service of that name. Say enableServiceLinks: false in the pod's spec, or give --${name}`,
  );
  const names = new Set(foreign.map(({ variable }) => variable));
  const meant = Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)));
  return { env: meant, warnings: [...warnings, ...misspelt(table, meant)] };
}

function misspelt(table: OptionTable, env: Environment): readonly string[] {
  const others = Object.values(table).flatMap(({ variables = [] }) => variables);
  const known = [...Object.keys(table).map(variableOf), ...others];
  return Object.entries(env)
    .filter(([name, value]) => value && /^JIMS[-_.]/i.test(name) && !known.includes(name))
    .flatMap(([name]) => {
      const near = known.find(
        (each) => distance(each, name.toUpperCase().replaceAll(/[-.]/g, '_')) <= 2,
      );
      return near === undefined ? [] : [`${name} is not an option: did you mean ${near}?`];
    });
}
