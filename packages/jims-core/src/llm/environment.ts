/** Variables of the environment: `process.env`, or a stand-in for it in tests. */
export type Environment = Readonly<Record<string, string | undefined>>;
