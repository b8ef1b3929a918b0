const FIRST_NOTICE_MS = 5000;
const NOTICES_MS = 30_000;

/**
 * Waits for a step of the start, and calls `notice` when it takes long: after 5 seconds, then every 30.
 * The timer alone does not keep the process alive.
 */
export async function noticeWaiting<T>(step: Promise<T>, notice: () => void): Promise<T> {
  let timer = setTimeout(function again() {
    notice();
    timer = setTimeout(again, NOTICES_MS).unref();
  }, FIRST_NOTICE_MS).unref();
  try {
    return await step;
  } finally {
    clearTimeout(timer);
  }
}
