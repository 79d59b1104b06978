import { PausedError } from '../model/errors.ts';

/**
 * Requests the next page while the current one is being committed, so that a long chain waits for the
 * slower of the two. The first page has no prefetch: it may show that the walk must be split, which
 * would waste the next page.
 *
 * @param pause when it fires, no further page is requested.
 * @throws PausedError then, after the pages that were requested.
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
      // A failure surfaces where it is awaited. This avoids an unhandled rejection until then.
      next.catch(() => {});
      yield page.value;
    }
  } finally {
    await next.catch(() => {});
  }
}
