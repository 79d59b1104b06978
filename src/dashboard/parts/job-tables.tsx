import { counted, formatCount } from '../../common/text.ts';
import { Table } from '../../report/table.tsx';
import { Message, Time } from '../../report/text.tsx';
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
        <Table
          isStacked
          caption={`Queue ${queue}: ${describeCounts(counts)}`}
          columns={[
            { title: 'Job', cell: (job) => <Job job={job} /> },
            { title: 'State', cell: (job) => <State job={job} /> },
            { title: 'Added', cell: ({ addedAt }) => <Time at={addedAt} /> },
            {
              title: 'Attempts left',
              isNumber: true,
              cell: ({ attemptsLeft }) => formatCount(attemptsLeft),
            },
          ]}
          rows={jobs}
        />
      ))}
    </>
  );
}

function describeCounts(counts: QueueJobs['counts']): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const isCut = Object.values(counts).some((count) => count > MOST_JOBS);
  return `${counted(total, 'job')}${isCut ? `, at most ${MOST_JOBS} of each state are listed` : ''}`;
}

function Job({ job: { id, poolId } }: { readonly job: QueuedJob }) {
  return (
    <>
      {poolId ?? id}
      <small>{id}</small>
    </>
  );
}

function State({ job: { state, reason } }: { readonly job: QueuedJob }) {
  return (
    <>
      <span class={state === 'failed' ? 'bad' : state === 'active' ? 'run' : ''}>
        {STATES[state]}
      </span>
      {reason === null ? null : (
        <small>
          <Message value={reason} />
        </small>
      )}
    </>
  );
}
