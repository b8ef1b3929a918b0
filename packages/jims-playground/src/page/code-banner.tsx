import type { VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';

import { Excerpt } from '../inspector/error-view.tsx';
import { duration } from '../parts/quantities.ts';
import { useSnapshot } from '../parts/use-snapshot.ts';
import { CodeWatch } from '../service/code-watch.ts';
import type { Service } from '../service/service.ts';

const NOTE_MS = 4000;

interface CodeBannerProps {
  readonly service: Service;
  /** New code is in service. */
  readonly onLoaded: () => void;
}

/** Says that the app's code is broken, and, for a moment, that new code is live. */
export function CodeBanner({ service, onLoaded }: CodeBannerProps): VNode {
  const watch = useMemo(() => new CodeWatch(service), [service]);
  useEffect(() => () => watch.close(), [watch]);
  const { broken, loads, loadedMs } = useSnapshot(watch);
  const [isNoted, setNoted] = useState(false);
  useEffect(() => {
    if (loads === 0) return;
    onLoaded();
    setNoted(true);
    const timer = setTimeout(() => setNoted(false), NOTE_MS);
    return () => clearTimeout(timer);
  }, [loads, onLoaded]);
  return (
    <>
      <div role="alert">
        {broken && (
          <div class="broken">
            <p>
              <strong>The code does not load.</strong>{' '}
              {broken.hasOlder
                ? 'Until it does, the last code that loaded is in service.'
                : 'None has loaded yet: until it does, messages are answered with this error.'}
            </p>
            <p>{broken.message}</p>
            {broken.source && <Excerpt source={broken.source} />}
          </div>
        )}
      </div>
      <p class={`toast${isNoted && !broken ? ' shown' : ''}`} role="status">
        {isNoted &&
          !broken &&
          `New code is live${loadedMs === undefined ? '' : ` · ${duration(loadedMs)}`}`}
      </p>
    </>
  );
}
