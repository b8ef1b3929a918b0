import { JimsError } from '../errors/jims-error.ts';
import type { Environment } from './environment.ts';
import { word } from './settings.ts';

/** The proxies that the variables name. */
export interface Proxies {
  /** As Node's agents take them. */
  readonly proxyEnv: Readonly<Record<string, string>>;
  /** The variable whose proxy requests to an address may go by. */
  readonly byProxy: (url: URL) => string | undefined;
}

/**
 * Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not.
 *
 * @throws JimsError `llm_unusable` for a proxy that is not an HTTP proxy.
 */
export function proxiesOf(env: Environment): Proxies {
  const secure = proxyIn(env, 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY');
  const plain = proxyIn(env, 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY');
  const without = word(env, 'no_proxy', 'NO_PROXY');
  return {
    proxyEnv: {
      ...(secure && { HTTPS_PROXY: secure.address }),
      ...(plain && { HTTP_PROXY: plain.address }),
      ...(without !== undefined && { NO_PROXY: without }),
    },
    byProxy: ({ protocol }) => (protocol === 'https:' ? secure : plain)?.variable,
  };
}

interface Proxy {
  readonly variable: string;
  readonly address: string;
}

function proxyIn(env: Environment, ...variables: readonly string[]): Proxy | undefined {
  const variable = variables.find((name) => word(env, name) !== undefined);
  if (variable === undefined) return undefined;
  const value = word(env, variable) ?? '';
  const address = value.includes('://') ? value : `http://${value}`;
  const { protocol } = URL.parse(address) ?? { protocol: '' };
  if (protocol === 'http:' || protocol === 'https:') return { variable, address };
  throw new JimsError(
    'llm_unusable',
    `${variable} is not the address of an HTTP proxy: write it as http://host:port`,
  );
}
