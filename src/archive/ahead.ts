/**
 * Has the next items made while one is used: `count` of them at most.
 *
 * @param abandon is called before the rest is waited for, so that what nobody will use can stop.
 */
export async function* ahead<T>(
  items: AsyncGenerator<T, void, undefined>,
  count: number,
  abandon: () => void,
): AsyncGenerator<T, void, undefined> {
  // A generator makes what it is asked for one after the other, however often it is asked.
  const asked: Promise<IteratorResult<T, void>>[] = [];
  const ask = () => {
    const next = items.next();
    // Its failure is met when it is awaited: here, or at the end where the caller stops before it.
    next.catch(() => {});
    asked.push(next);
  };
  try {
    for (let i = 0; i < count; i += 1) ask();
    for (let next = asked.shift(); next; next = asked.shift()) {
      const item = await next;
      if (item.done) return;
      ask();
      yield item.value;
    }
  } finally {
    abandon();
    await Promise.allSettled(asked);
    await items.return();
  }
}
