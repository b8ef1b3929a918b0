import { useEffect, useState } from 'preact/hooks';

import type { Readable } from '../service/store.ts';

/** The snapshot of a store; what renders it is rendered again when it changes. */
export function useSnapshot<Snapshot>(store: Readable<Snapshot>): Snapshot {
  const [, render] = useState(0);
  useEffect(() => {
    render((times) => times + 1);
    return store.subscribe(() => render((times) => times + 1));
  }, [store]);
  return store.getSnapshot();
}
