/** How a package manager is called, and what a project needs so that it works with it. */
export interface PackageManager {
  readonly name: 'npm' | 'pnpm' | 'yarn' | 'bun';
  /** What installs the packages, as a command with its arguments. */
  readonly install: readonly [string, ...string[]];
  /** Writes how a script of package.json is run. */
  readonly run: (script: string) => string;
  /** The lines of a Dockerfile that copy what names the packages, and install them. */
  readonly docker: DockerInstall;
  /** Members of package.json that only this one reads. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** Files that only this one reads. */
  readonly files: Readonly<Record<string, string>>;
}

export interface DockerInstall {
  readonly copy: string;
  /** Without what is only needed for development. */
  readonly production: string;
  readonly all: string;
}

/** The package `node` brings Node by an install script; package managers run those that a project names. */
const WITH_INSTALL_SCRIPT = ['node'];

const NPM: PackageManager = {
  name: 'npm',
  install: ['npm', 'install'],
  run: (script) =>
    script === 'test' || script === 'start' ? `npm ${script}` : `npm run ${script}`,
  docker: {
    copy: 'COPY package.json package-lock.json ./',
    production: 'RUN npm ci --omit=dev',
    all: 'RUN npm ci',
  },
  // npm 12 runs no others.
  manifest: { allowScripts: Object.fromEntries(WITH_INSTALL_SCRIPT.map((name) => [name, true])) },
  files: {},
};

/** The package manager that a user agent names: `pnpm/12.0.0 npm/? node/v24.0.0 linux x64`. Default: npm. */
export function packageManagerOf(userAgent: string | undefined): PackageManager {
  const [, name = 'npm', version = ''] = /^(\w+)\/(\d[\w.+-]*)/.exec(userAgent ?? '') ?? [];
  const make = OTHERS[name];
  return make ? make(version) : NPM;
}

const OTHERS: Readonly<Record<string, (version: string) => PackageManager>> = {
  pnpm: (version) => ({
    name: 'pnpm',
    install: ['pnpm', 'install'],
    run: (script) => `pnpm ${script}`,
    docker: {
      copy: `RUN npm install --global pnpm@${version}\nCOPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./`,
      production: 'RUN pnpm install --prod --frozen-lockfile',
      all: 'RUN pnpm install --frozen-lockfile',
    },
    manifest: {},
    files: { 'pnpm-workspace.yaml': pnpmWorkspace() },
  }),
  yarn: (version) => (version.startsWith('1.') ? classicYarn() : yarn(version)),
  bun: (version) => ({
    name: 'bun',
    install: ['bun', 'install'],
    run: (script) => `bun run ${script}`,
    docker: {
      copy: `RUN npm install --global bun@${version}\nCOPY package.json bun.lock ./`,
      production: 'RUN bun install --production --frozen-lockfile',
      all: 'RUN bun install --frozen-lockfile',
    },
    manifest: { trustedDependencies: WITH_INSTALL_SCRIPT },
    files: {},
  }),
};

/** pnpm 10 reads the first, newer ones the second. */
function pnpmWorkspace(): string {
  const [names, allowed] = [
    WITH_INSTALL_SCRIPT.map((name) => `  - ${name}\n`).join(''),
    WITH_INSTALL_SCRIPT.map((name) => `  ${name}: true\n`).join(''),
  ];
  return `# The package node brings Node by its install script.\nonlyBuiltDependencies:\n${names}allowBuilds:\n${allowed}`;
}

function classicYarn(): PackageManager {
  return {
    name: 'yarn',
    install: ['yarn', 'install'],
    run: (script) => `yarn ${script}`,
    docker: {
      copy: 'COPY package.json yarn.lock ./',
      production: 'RUN yarn install --production --frozen-lockfile',
      all: 'RUN yarn install --frozen-lockfile',
    },
    manifest: {},
    // It refuses to install for a Node that is too old, also where the project brings a newer one.
    files: { '.yarnrc': 'ignore-engines true\n' },
  };
}

function yarn(version: string): PackageManager {
  return {
    ...classicYarn(),
    docker: {
      copy: 'RUN corepack enable\nCOPY package.json yarn.lock .yarnrc.yml ./',
      production: 'RUN yarn workspaces focus --production',
      all: 'RUN yarn install --immutable',
    },
    manifest: { packageManager: `yarn@${version}` },
    files: { '.yarnrc.yml': 'nodeLinker: node-modules\n' },
  };
}
