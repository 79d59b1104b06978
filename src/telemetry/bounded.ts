/** What was asked has not answered in time. */
export class NoAnswerError extends Error {
  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds / 1000} s`);
    this.name = 'NoAnswerError';
  }
}

/**
 * Asks something that may hang. Who asks while an answer is awaited waits for that one, so that
 * questions cannot pile up behind a server that is away.
 *
 * @returns a function that gives the answer, or throws NoAnswerError after `milliseconds`.
 */
export function bounded<T>(ask: () => Promise<T>, milliseconds: number): () => Promise<T> {
  let asking: Promise<T> | null = null;
  const askOnce = async () => {
    try {
      return await ask();
    } finally {
      asking = null;
    }
  };
  return async () => {
    asking ??= askOnce();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new NoAnswerError(milliseconds)), milliseconds);
    });
    try {
      return await Promise.race([asking, late]);
    } finally {
      clearTimeout(timer);
    }
  };
}
