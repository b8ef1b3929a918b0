import { JimsClient } from 'jims-client';
import type { VNode } from 'preact';
import { useCallback, useMemo, useState } from 'preact/hooks';

import { Service } from '../service/service.ts';
import { keepKey, readKey } from '../service/settings.ts';
import { KeyEntry } from './key-entry.tsx';
import { Playground } from './playground.tsx';

/** The page, or the entry of a key when the service wants one. */
export function GuardedPage({ base }: { readonly base: URL }): VNode {
  const [key, setKey] = useState(readKey);
  const [isRefused, setRefused] = useState(false);
  const client = useMemo(
    () => new JimsClient({ url: base.href, ...(key !== undefined && { token: key }) }),
    [base, key],
  );
  const service = useMemo(
    () => new Service(client, { base, hasKey: key !== undefined }),
    [client, base, key],
  );
  const refuse = useCallback(() => {
    keepKey(undefined);
    setRefused(true);
  }, []);
  if (!isRefused) return <Playground key={key} service={service} onRefused={refuse} />;
  return (
    <KeyEntry
      wasRefused={key !== undefined}
      onKey={(entered) => {
        keepKey(entered);
        setKey(entered);
        setRefused(false);
      }}
    />
  );
}
