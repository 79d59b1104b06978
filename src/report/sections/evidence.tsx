import { counted, formatCount } from '../../common/text.ts';
import type { CheckRecord, SnapshotRecord } from '../../model/report-source.ts';
import type { Report } from '../report.ts';
import { Table } from '../table.tsx';
import { Snapshot, Text, Time } from '../text.tsx';

/** How the later snapshot was read, and why it counts as complete. */
export function EvidenceSection({ report: { record } }: { readonly report: Report }) {
  const { check, work } = record;
  return (
    <section>
      <h2 id="evidence">Evidence of completeness</h2>
      <p>
        The snapshot of <Snapshot moment={record} /> is a reading of the whole pool through the
        service's own lists.
      </p>
      <dl class="facts">
        <dt>Read</dt>
        <dd>
          from <Time at={record.snapshotAt} /> to <Time at={record.walkedAt} />
        </dd>
        <dt>Published</dt>
        <dd>
          <Time at={record.publishedAt} />
        </dd>
        <dt>Calls</dt>
        <dd>{work === null ? 'not recorded in an archive' : describeCalls(work)}</dd>
        <dt>Repaired rows</dt>
        <dd>
          {work === null
            ? 'not recorded in an archive'
            : `${formatCount(work.repaired)} that something else had changed in the database`}
        </dd>
        <CheckFacts record={record} />
      </dl>
      {check === null ? null : <CheckTables check={check} />}
    </section>
  );
}

function describeCalls({
  apiCalls,
  throttled,
  retries,
}: NonNullable<SnapshotRecord['work']>): string {
  return `${counted(apiCalls, 'call')}, of which ${formatCount(retries)} repeated a failed one and ${formatCount(throttled)} were throttled`;
}

function CheckFacts({ record: { check, counts, work } }: { readonly record: SnapshotRecord }) {
  if (check === null) {
    return (
      <>
        <dt>Check</dt>
        <dd>
          {work === null
            ? 'not recorded in an archive'
            : 'not recorded: an earlier version of the program took the snapshot'}
        </dd>
      </>
    );
  }
  return (
    <>
      <dt>Estimate of the service</dt>
      <dd>
        {formatCount(check.estimatedUsers)} users; {formatCount(counts.users)} were read. How fresh
        the estimate is, the service does not say.
      </dd>
      <dt>Confirmed removals</dt>
      <dd>{describeRemovals(check)}</dd>
      <dt>Check</dt>
      <dd>
        {check.objection === null ? (
          'passed'
        ) : (
          <>
            held the snapshot, which a person released: <Text value={check.objection} isWhole />
          </>
        )}
      </dd>
    </>
  );
}

export function describeRemovals({ missingUsers, askedUsers, keptUsers }: CheckRecord): string {
  if (missingUsers === 0) return 'No user of the snapshot before was missing.';
  const gone = askedUsers - keptUsers;
  const sample = askedUsers < missingUsers ? ', chosen by hash' : '';
  const kept =
    keptUsers === 0
      ? ''
      : ` ${formatCount(keptUsers)} exist or could not be asked about, and were kept.`;
  return `${counted(missingUsers, 'user')} of the snapshot before were missing. ${formatCount(askedUsers)} of them were asked for by name${sample}: ${formatCount(gone)} do not exist any more.${kept}`;
}

const KINDS = { groups: 'All groups', users: 'All users', members: 'Members of a group' } as const;

export function CheckTables({ check }: { readonly check: CheckRecord }) {
  return (
    <>
      <h3>Walks</h3>
      <Table
        caption={`Each walk follows the pages of one list to the last, which has no further token. ${check.singleChain ? 'All users were read in one chain of pages.' : ''}`}
        columns={[
          { title: 'List', cell: ({ kind }) => KINDS[kind] },
          { title: 'Walks', isNumber: true, cell: ({ walks }) => formatCount(walks) },
          { title: 'Pages', isNumber: true, cell: ({ pages }) => formatCount(pages) },
          { title: 'Entries', isNumber: true, cell: ({ items }) => formatCount(items) },
          { title: 'Restarts', isNumber: true, cell: ({ restarts }) => formatCount(restarts) },
        ]}
        rows={check.walks}
      />
      <h3>Removal guard</h3>
      <Table
        caption={`A snapshot that removes over ${formatShare(check.maxRemovedRatio)} of a kind of row, and over 50 rows, is held for a person.`}
        columns={[
          { title: 'Rows', cell: ({ dataset }) => dataset },
          { title: 'Before', isNumber: true, cell: ({ rows }) => formatCount(rows) },
          { title: 'Removed', isNumber: true, cell: ({ removed }) => formatCount(removed) },
          {
            title: 'Share',
            isNumber: true,
            cell: ({ rows, removed }) => formatShare(rows === 0 ? 0 : removed / rows),
          },
        ]}
        rows={check.removals}
      />
    </>
  );
}

function formatShare(share: number): string {
  return `${(share * 100).toLocaleString('en-US', { maximumFractionDigits: 1 })} %`;
}
