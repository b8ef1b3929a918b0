import { JimsError } from '../errors/jims-error.ts';
import { oneLine } from '../text/one-line.ts';
import { newEvent } from './event.ts';
import type { NewEvent } from './event.ts';
import { THREAD_TITLED } from './message.ts';
import { MAX_TITLE } from './thread.ts';

/**
 * Makes the event that sets the title of a thread: on one line, cut to {@link MAX_TITLE} characters. `null`,
 * and text without a visible character, give the thread the title back that it has by itself.
 *
 * @throws JimsError `invalid_event` when it is neither a string nor null.
 */
export function titleEvent(title: string | null): NewEvent {
  if (typeof title !== 'string' && title !== null) {
    throw new JimsError('invalid_event', 'A title must be a string, or null to take it back');
  }
  return newEvent(THREAD_TITLED, { title: oneLine(title ?? '', MAX_TITLE) || null });
}
