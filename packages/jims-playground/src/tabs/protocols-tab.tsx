import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { Code, CopyButton } from '../parts/copy-button.tsx';
import { Problem } from '../parts/problem.tsx';
import { count } from '../parts/quantities.ts';
import { useSnapshot } from '../parts/use-snapshot.ts';
import type { Service } from '../service/service.ts';
import { isActive } from '../service/thread-feed.ts';
import type { ThreadFeed } from '../service/thread-feed.ts';
import type { AppDescription } from '../service/wire.ts';

interface ProtocolsTabProps {
  readonly service: Service;
  readonly app: AppDescription | undefined;
  readonly feed: ThreadFeed;
  readonly runId: string | undefined;
}

const LONG = 100_000;

/** What each protocol would have sent for a run. */
export function ProtocolsTab({ service, app, feed, runId }: ProtocolsTabProps): VNode {
  const { runs } = useSnapshot(feed);
  const run = runId === undefined ? runs[0] : runs.find(({ run_id: id }) => id === runId);
  const id = run?.run_id ?? runId;
  const isOver = run === undefined || !isActive(run);
  const protocols = protocolsOf(app);
  const [protocol, setProtocol] = useState('jims');
  if (id === undefined) return <p class="empty">No runs yet.</p>;
  return (
    <>
      <div class="section-head">
        <label class="field inline">
          Protocol
          <select value={protocol} onChange={(event) => setProtocol(event.currentTarget.value)}>
            {protocols.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </div>
      {isOver ? (
        <Wire key={`${id}:${protocol}`} service={service} runId={id} protocol={protocol} />
      ) : (
        <p class="empty">The run is not over yet.</p>
      )}
    </>
  );
}

function protocolsOf(
  app: AppDescription | undefined,
): readonly { readonly name: string; readonly title: string }[] {
  const others = app?.protocols.filter(({ name }) => name !== 'jims') ?? [];
  return [{ name: 'jims', title: 'JIMS' }, ...others];
}

interface WireProps {
  readonly service: Service;
  readonly runId: string;
  readonly protocol: string;
}

function Wire({ service, runId, protocol }: WireProps): VNode {
  const [text, setText] = useState<string>();
  const [error, setError] = useState<unknown>();
  const [isWhole, setWhole] = useState(false);
  useEffect(() => {
    let isLeft = false;
    service.wire(runId, protocol).then(
      (sent) => isLeft || setText(sent),
      (cause: unknown) => isLeft || setError(cause),
    );
    return () => {
      isLeft = true;
    };
  }, [service, runId, protocol]);
  if (error !== undefined) return <Problem error={error} />;
  if (text === undefined) return <p class="empty">Loading…</p>;
  return (
    <>
      <div class="section-head">
        <span class="soft">It would have streamed {count(text.length)} characters:</span>
        <CopyButton text={text} />
      </div>
      <Code text={isWhole ? text : text.slice(0, LONG)} label="What was sent" />
      {!isWhole && text.length > LONG && (
        <button type="button" class="more" onClick={() => setWhole(true)}>
          Show {count(text.length - LONG)} more characters
        </button>
      )}
    </>
  );
}
