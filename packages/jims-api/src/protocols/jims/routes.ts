import type { Protocol } from '../../http/route.ts';
import { appendRoutes } from './append-events.ts';
import { chatRoutes } from './chat.ts';
import { contactRoutes } from './contacts.ts';
import { eventRoutes } from './events.ts';
import { feedbackRoutes } from './feedback.ts';
import { fileRoutes } from './files.ts';
import { forkRoutes } from './fork.ts';
import { questionRoutes } from './questions.ts';
import { runRoutes, wire } from './runs.ts';
import { threadListRoutes } from './thread-list.ts';
import { threadRunRoutes } from './thread-runs.ts';
import { threadRoutes } from './threads.ts';
import { traceRoutes } from './trace.ts';

/** JIMS's own protocol: the original's two chat routes, and what is beside them. */
export const jimsProtocol: Protocol = {
  routes: [
    ...chatRoutes,
    ...threadListRoutes,
    ...threadRoutes,
    ...forkRoutes,
    ...eventRoutes,
    ...appendRoutes,
    ...feedbackRoutes,
    ...contactRoutes,
    ...runRoutes,
    ...threadRunRoutes,
    ...traceRoutes,
    ...fileRoutes,
    ...questionRoutes,
  ],
  wire,
};
