import { JimsClient } from 'jims-client';
import type { VNode } from 'preact';
import { useCallback, useMemo, useState } from 'preact/hooks';

import { Service } from '../service/service.ts';
import { keepKey, readKey } from '../service/settings.ts';
import { KeyEntry } from './key-entry.tsx';
import type { Refusal } from './key-entry.tsx';
import { Playground } from './playground.tsx';

/** The page, or the entry of a key when the service wants one. */
export function GuardedPage({ base }: { readonly base: URL }): VNode {
  const [key, setKey] = useState(readKey);
  const [refusal, setRefusal] = useState<Refusal>();
  const refuse = useCallback((why: Refusal) => {
    keepKey(undefined);
    setRefusal(why);
  }, []);
  const service = useMemo(() => {
    const client = new JimsClient({
      url: base.href,
      ...(key !== undefined && { token: key }),
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (response.status === 401) refuse(key === undefined ? 'none' : 'unknown');
        return response;
      },
    });
    return new Service(client, { base, hasKey: key !== undefined });
  }, [base, key, refuse]);
  const refuseContact = useCallback(() => refuse('contact'), [refuse]);
  if (refusal === undefined)
    return <Playground key={key} service={service} onContact={refuseContact} />;
  return (
    <KeyEntry
      refusal={refusal}
      onKey={(entered) => {
        keepKey(entered);
        setKey(entered);
        setRefusal(undefined);
      }}
    />
  );
}
