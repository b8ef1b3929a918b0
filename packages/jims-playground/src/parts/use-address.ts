import { useCallback, useEffect, useState } from 'preact/hooks';

import { addressOf, hashOf } from '../service/address.ts';
import type { Address } from '../service/address.ts';

export type Go = (changes: Partial<Address>, options?: { readonly replace?: boolean }) => void;

/** The page's address, and what changes it: a new entry of the history, unless it replaces the one that is there. */
export function useAddress(): readonly [Address, Go] {
  const [address, setAddress] = useState(() => addressOf(location.hash));
  useEffect(() => {
    const read = (): void => setAddress(addressOf(location.hash));
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  const go = useCallback<Go>((changes, { replace = false } = {}) => {
    const hash = hashOf({ ...addressOf(location.hash), ...changes });
    if (replace) history.replaceState(undefined, '', hash);
    else if (hash !== location.hash) history.pushState(undefined, '', hash);
    setAddress(addressOf(hash));
  }, []);
  return [address, go];
}
