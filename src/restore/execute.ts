import type { RestoreEntity, RestoreTask } from '../model/restore.ts';
import { nameTask } from './journal-entry.ts';
import { RestoreProgress } from './progress.ts';
import { Slots } from './slots.ts';
import { TaskWriter, type WriterDeps } from './write-task.ts';

/**
 * Tasks at the same time, as many as the client has connections. The service's quotas allow 50 calls a
 * second, and a call takes a few tenths of a second, so this also fills quotas that were raised.
 */
const AT_ONCE = 64;

/** So many tasks in a row at which the service itself failed are an outage. */
const OUTAGE = 10;

/**
 * Writes the tasks to the target, several at once within the quotas. One kind follows the other. A
 * task that fails is noted in the journal with its reason, and the others go on.
 *
 * On an abort nothing new starts, and what was sent is noted. Running the restore again continues.
 *
 * @param tasks kind by kind, in the order of `RESTORE_ENTITIES`
 * @param progress counts what is done and what failed
 * @throws InterruptedError on an abort
 * @throws the error that concerns every write, such as a missing right or a full disk
 */
export async function execute(
  deps: WriterDeps,
  tasks: Iterable<RestoreTask> | AsyncIterable<RestoreTask>,
  signal: AbortSignal,
  progress = new RestoreProgress(),
): Promise<RestoreProgress> {
  const failing = new AbortController();
  const stop = AbortSignal.any([signal, failing.signal]);
  const writer = new TaskWriter(deps, stop);
  let inARow = 0;

  const run = async (task: RestoreTask) => {
    try {
      const { failure, target } = await writer.write(task);
      inARow = failure?.reason === 'service-failed' ? inARow + 1 : 0;
      if (failure !== null && inARow >= OUTAGE) throw failure.error;
      const names = task.entity === 'user' && target !== null ? { sub: task.sub, target } : {};
      const entry = { ...nameTask(task), ...names };
      if (failure === null) {
        await deps.journal.record({ event: 'done', ...entry });
      } else {
        const { reason, error } = failure;
        await deps.journal.record({ event: 'failed', ...entry, reason, problem: error.message });
      }
      progress.count(task, failure?.reason ?? null);
    } catch (error) {
      failing.abort(error);
    }
  };

  const slots = new Slots(AT_ONCE);
  let entity: RestoreEntity | null = null;
  try {
    for await (const task of tasks) {
      if (task.entity !== entity) await slots.allFree();
      entity = task.entity;
      await slots.take();
      if (stop.aborted) {
        slots.free();
        break;
      }
      void run(task).finally(() => slots.free());
    }
  } finally {
    await slots.allFree();
  }
  stop.throwIfAborted();
  return progress;
}
