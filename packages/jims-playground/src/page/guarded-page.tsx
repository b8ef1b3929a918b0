import { JimsClient } from 'jims-client';
import type { VNode } from 'preact';
import { useCallback, useMemo, useRef, useState } from 'preact/hooks';

import { Service } from '../service/service.ts';
import { keepKey, readKey } from '../service/settings.ts';
import { KeyEntry } from './key-entry.tsx';
import type { Refusal } from './key-entry.tsx';
import { Playground } from './playground.tsx';

/** The page, or the entry of a key when the service wants one. */
export function GuardedPage({ base }: { readonly base: URL }): VNode {
  const [key, setKey] = useState(readKey);
  /** The answer to an earlier key may come after the next one was entered. */
  const newest = useRef(key);
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
        if (response.status === 401 && newest.current === key) {
          refuse(key === undefined ? 'none' : 'unknown');
        }
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
        newest.current = entered;
        setKey(entered);
        setRefusal(undefined);
      }}
    />
  );
}
