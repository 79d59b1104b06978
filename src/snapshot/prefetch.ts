import { PausedError } from '../model/errors.ts';

/**
 * Asks for the next page while the one in hand is being committed, so that a long chain waits for
 * the slower of the two and not for both. Only the first page is alone: it may show that the walk
 * is to be cut, and what was read ahead of it would be for nothing.
 *
 * @param pause once it fires, no other page is asked for.
 * @throws PausedError then, after the pages that had been asked for.
 */
export async function* prefetchPages<Page>(
  pages: AsyncIterable<Page>,
  pause?: AbortSignal,
): AsyncGenerator<Page> {
  const source = pages[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done) return;
  yield first.value;
  let next = source.next();
  try {
    for (;;) {
      const page = await next;
      if (page.done) return;
      if (pause?.aborted) {
        yield page.value;
        throw new PausedError('The walk was paused.');
      }
      next = source.next();
      // Its failure is met when it is awaited: here, or at the end where the walk ends before it.
      next.catch(() => {});
      yield page.value;
    }
  } finally {
    await next.catch(() => {});
  }
}
