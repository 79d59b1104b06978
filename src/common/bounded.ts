/** What was asked has not answered in time. */
export class NoAnswerError extends Error {
  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds / 1000} s`);
    this.name = 'NoAnswerError';
  }
}

/** A question this old is given up for lost: the connection that it went by may be dead. */
const LOST_AFTER_MS = 60_000;

/**
 * The wait is counted in steps: of the time that this process is frozen, at most one counts. When it
 * wakes up, it reads the answer that came meanwhile before the wait is over.
 */
const STEPS = 10;

/**
 * Asks something that may hang. Who asks while an answer is awaited waits for that one, so that
 * questions cannot pile up behind a server that is away; after a minute it is asked anew.
 *
 * @returns a function that gives the answer, or throws NoAnswerError after `milliseconds`.
 */
export function bounded<T>(ask: () => Promise<T>, milliseconds: number): () => Promise<T> {
  let asking: { readonly answer: Promise<T>; readonly since: number } | null = null;
  const begin = () => {
    const begun = { answer: askNow(), since: performance.now() };
    const forget = () => {
      if (asking === begun) asking = null;
    };
    begun.answer.then(forget, forget);
    return begun;
  };
  // What throws at once is an answer like any other.
  const askNow = async () => ask();
  return async () => {
    if (asking === null || performance.now() - asking.since > LOST_AFTER_MS) asking = begin();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      let steps = 0;
      timer = setInterval(() => {
        steps += 1;
        if (steps === STEPS) reject(new NoAnswerError(milliseconds));
      }, milliseconds / STEPS);
    });
    try {
      return await Promise.race([asking.answer, late]);
    } finally {
      clearInterval(timer);
    }
  };
}
