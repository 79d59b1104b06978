/**
 * Has each item made while the one before it is used, and no more than that one.
 *
 * @param abandon is called before the rest is waited for, so that what nobody will use can stop.
 */
export async function* oneAhead<T>(
  items: AsyncGenerator<T, void, undefined>,
  abandon: () => void,
): AsyncGenerator<T, void, undefined> {
  let next = items.next();
  try {
    for (;;) {
      const item = await next;
      if (item.done) return;
      next = items.next();
      // Its failure is met when it is awaited: here, or at the end where the caller stops before it.
      next.catch(() => {});
      yield item.value;
    }
  } finally {
    abandon();
    await next.catch(() => {});
    await items.return();
  }
}
