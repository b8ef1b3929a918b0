import type { FileLimits } from 'jims-core';
import { isAllowedType } from 'jims-core/host';

import type { ApiContext } from '../../http/route.ts';
import { packageVersion } from '../../version.ts';

/**
 * What the service can do for a front end. What depends on the app's pipeline, such as whether it has tools, is left
 * out: that means that it is not known.
 */
export async function capabilitiesOf({ app }: ApiContext): Promise<object> {
  const { runs, files } = await app.limits();
  const { name, description, version = packageVersion() } = app;
  return {
    identity: {
      type: 'jims',
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      version,
    },
    transport: {
      streaming: true,
      websocket: false,
      httpBinary: false,
      pushNotifications: false,
      resumable: false,
    },
    tools: { clientProvided: false },
    state: { snapshots: false, deltas: false },
    reasoning: { streaming: true, encrypted: false },
    multimodal: { input: inputOf(files) },
    execution: { maxExecutionTime: runs.timeoutMs },
    humanInTheLoop: { supported: true, interrupts: true, approveWithEdits: false },
  };
}

/** An example of each kind of file. */
const EXAMPLES = {
  image: 'image/png',
  audio: 'audio/mpeg',
  video: 'video/mp4',
  pdf: 'application/pdf',
  file: 'application/octet-stream',
};

function inputOf({ fileTypes }: FileLimits): Readonly<Record<string, boolean>> {
  return Object.fromEntries(
    Object.entries(EXAMPLES).map(([kind, type]) => [kind, isAllowedType(type, fileTypes)]),
  );
}
