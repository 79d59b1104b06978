/** A request was not answered in time. */
export class NoAnswerError extends Error {
  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds / 1000} s`);
    this.name = 'NoAnswerError';
  }
}

/** After this time a request counts as lost: its connection may be dead. */
const LOST_AFTER_MS = 60_000;

/**
 * The timeout is counted in steps. Time during which the process is frozen counts as one step at most,
 * so that on waking it reads an answer that arrived before the timeout ends.
 */
const STEPS = 10;

/**
 * Adds a timeout to a request that may hang. Calls during a pending request share it, so requests
 * cannot pile up behind an unreachable server. After a minute a new request is sent.
 *
 * @returns a function that returns the answer, or throws NoAnswerError after `milliseconds`.
 */
export function bounded<T>(request: () => Promise<T>, milliseconds: number): () => Promise<T> {
  let pending: { readonly answer: Promise<T>; readonly since: number } | null = null;
  // `async`, so that a synchronous throw becomes a rejection.
  const send = async () => request();
  const start = () => {
    const started = { answer: send(), since: performance.now() };
    const forget = () => {
      if (pending === started) pending = null;
    };
    started.answer.then(forget, forget);
    return started;
  };
  return async () => {
    if (pending === null || performance.now() - pending.since > LOST_AFTER_MS) pending = start();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      let steps = 0;
      timer = setInterval(() => {
        steps += 1;
        if (steps === STEPS) reject(new NoAnswerError(milliseconds));
      }, milliseconds / STEPS);
    });
    try {
      return await Promise.race([pending.answer, timeout]);
    } finally {
      clearInterval(timer);
    }
  };
}
