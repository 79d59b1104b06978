import { counted, formatCount } from '../../common/text.ts';
import { Time } from '../../report/text.tsx';
import {
  type JobState,
  MOST_JOBS,
  type QueuedJob,
  type QueueJobs,
} from '../../runner/worker/list-jobs.ts';

const STATES: Readonly<Record<JobState, string>> = {
  active: 'runs',
  failed: 'failed',
  delayed: 'waits to be tried again',
  'waiting-children': 'waits for its walks',
  prioritized: 'waits for a worker',
  waiting: 'waits for a worker',
};

/** The jobs of the workers; null if Redis did not answer. */
export function JobTables({ queues }: { readonly queues: readonly QueueJobs[] | null }) {
  if (queues === null) {
    return (
      <p class="bad">
        Redis cannot be used now, so the jobs are unknown. The health page has its state.
      </p>
    );
  }
  const busy = queues.filter(({ jobs }) => jobs.length > 0);
  if (busy.length === 0) return <p class="none">None. Redis keeps no job that is not done.</p>;
  return (
    <>
      {busy.map(({ queue, counts, jobs }) => (
        <div class="table">
          <table class="stacked">
            <caption>{`Queue ${queue}: ${describeCounts(counts)}`}</caption>
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">State</th>
                <th scope="col">Added</th>
                <th scope="col">Attempts left</th>
              </tr>
            </thead>
            <tbody>
              {jobs.map((job) => (
                <JobRow job={job} />
              ))}
            </tbody>
          </table>
        </div>
      ))}
    </>
  );
}

function describeCounts(counts: QueueJobs['counts']): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const isCut = Object.values(counts).some((count) => count > MOST_JOBS);
  return `${counted(total, 'job')}${isCut ? `, at most ${MOST_JOBS} of each state are listed` : ''}`;
}

function JobRow({ job }: { readonly job: QueuedJob }) {
  const { id, state, poolId, addedAt, attemptsLeft, reason } = job;
  return (
    <tr>
      <th scope="row">
        {poolId ?? id}
        <small>{id}</small>
      </th>
      <td data-title="State">
        <span class={state === 'failed' ? 'bad' : state === 'active' ? 'run' : ''}>
          {STATES[state]}
        </span>
        {reason === null ? null : <small>{reason}</small>}
      </td>
      <td data-title="Added">
        <Time at={addedAt} />
      </td>
      <td data-title="Attempts left" class="number">
        {formatCount(attemptsLeft)}
      </td>
    </tr>
  );
}
