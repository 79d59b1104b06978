import { formatCommand } from '../../common/command.ts';
import { formatBytes } from '../../common/format.ts';
import { formatCount } from '../../common/text.ts';
import type { ArchiveSummary } from '../../model/archive-summary.ts';
import type { ArchiveVerification, RunRecord } from '../../postgres/dashboard/snapshot.ts';
import type { SnapshotRow } from '../../postgres/store/snapshots.ts';
import { Table } from '../../report/table.tsx';
import { Text, Time } from '../../report/text.tsx';
import type { SnapshotDetails } from './read-snapshot.ts';

/** Where the snapshot is archived, what proves it, and when that was last verified. */
export function ArchiveSection({ details }: { readonly details: SnapshotDetails }) {
  const { row, run, verification } = details;
  if (row.manifest === null || row.manifestSha256 === null) {
    return <p class="none">{explainMissing(row, run)}</p>;
  }
  const archive = run?.archive ?? null;
  const destination = run?.destination ?? null;
  const verify = [
    ...['verify', row.poolId],
    ...(destination === null ? [] : ['--archive', destination]),
    ...['--from', row.snapshot, '--to', row.snapshot, '--head', row.manifestSha256],
  ];
  return (
    <>
      <dl class="facts">
        <dt>Destination</dt>
        <dd>{destination === null ? 'unknown' : <Text value={destination} isWhole />}</dd>
        <dt>Manifest</dt>
        <dd>
          <code>{row.manifest}</code>
        </dd>
        <dt>SHA-256</dt>
        <dd>
          <code>{row.manifestSha256}</code>
        </dd>
        <dt>Sealed</dt>
        <dd>{row.archivedAt === null ? 'unknown' : <Time at={row.archivedAt} />}</dd>
        <Promises archive={archive} needsLocks={run?.needsLocks ?? false} />
        {row.archiveRemovedAt === null ? null : (
          <>
            <dt>Objects</dt>
            <dd>
              removed by retention (<code>ARCHIVE_KEEP</code>), recorded{' '}
              <Time at={row.archiveRemovedAt} />; the manifest stays
            </dd>
          </>
        )}
        <dt>Last verification</dt>
        <dd>
          <Verified row={row} verification={verification} />
        </dd>
      </dl>
      {archive === null ? null : <Parts archive={archive} />}
      <p>To verify it:</p>
      <pre>
        <code>{formatCommand(verify)}</code>
      </pre>
    </>
  );
}

function explainMissing({ state, reason }: SnapshotRow, run: RunRecord | null): string {
  if (state !== 'published') return 'It has no archive: only published snapshots get one.';
  if (run?.archiveLost) return reason ?? 'It can never be archived: its rows were changed.';
  return 'Not archived yet. The next run of the pool archives it.';
}

interface PromisesProps {
  readonly archive: ArchiveSummary | null;
  readonly needsLocks: boolean;
}

/** The signature and the lock of the manifest. */
function Promises({ archive, needsLocks }: PromisesProps) {
  if (archive === null) {
    return (
      <>
        <dt>Signature and lock</dt>
        <dd>not recorded: an earlier version of the program sealed it</dd>
      </>
    );
  }
  const { signedBy, lock } = archive;
  return (
    <>
      <dt>Signature</dt>
      <dd>
        {signedBy === null ? (
          'none'
        ) : (
          <>
            by the key <code>{signedBy}</code>
          </>
        )}
      </dd>
      <dt>Object lock</dt>
      <dd>
        {lock === null ? (
          'none'
        ) : (
          <>
            {lock.mode}: parts until <Time at={new Date(lock.partsUntil)} />, manifest until{' '}
            <Time at={new Date(lock.manifestUntil)} />
            {needsLocks ? (
              <div class="warn">
                <small>Not all locks are made yet: the next run of the pool makes them.</small>
              </div>
            ) : null}
          </>
        )}
      </dd>
    </>
  );
}

interface VerifiedProps {
  readonly row: SnapshotRow;
  readonly verification: ArchiveVerification | null;
}

function Verified({ row, verification }: VerifiedProps) {
  if (verification === null || verification.endedAt === null) {
    return (
      <>
        workers have not verified it (<code>MIRROR_VERIFY_SUBSET</code>)
      </>
    );
  }
  const { endedAt, subset, subsets, coveredSince, foundKeys, problem } = verification;
  const isRead = coveredSince !== null && row.archivedAt !== null && row.archivedAt < coveredSince;
  return (
    <>
      <Time at={endedAt} />
      {`: subset ${subset} of ${subsets} of the pool’s archive`}
      <div>
        {isRead ? (
          <>
            Every object of this snapshot was read after <Time at={coveredSince} />.
          </>
        ) : (
          'Not every object of this snapshot was read yet.'
        )}
      </div>
      {foundKeys.length === 0 ? (
        <div class="good">Nothing wrong was found in it.</div>
      ) : (
        <div class="bad">
          Something is wrong with {formatCount(foundKeys.length)} of its objects:{' '}
          <Text value={foundKeys.slice(0, 5).join(', ')} isWhole />. The command below says what.
        </div>
      )}
      {problem === null ? null : (
        <div class="bad">
          The last attempt failed: <Text value={problem} isWhole />
        </div>
      )}
    </>
  );
}

function Parts({ archive: { parts } }: { readonly archive: ArchiveSummary }) {
  return (
    <Table
      caption="Parts"
      columns={[
        { title: 'Format and dataset', cell: ({ format, dataset }) => `${format} ${dataset}` },
        { title: 'Parts', isNumber: true, cell: ({ parts: count }) => formatCount(count) },
        { title: 'Rows', isNumber: true, cell: ({ rows }) => formatCount(rows) },
        { title: 'Size', isNumber: true, cell: ({ bytes }) => formatBytes(bytes) },
      ]}
      rows={parts}
    />
  );
}
