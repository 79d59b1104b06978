import type { SnapshotReport } from '../../runner/snapshot-report.ts';

const count = new Intl.NumberFormat('en-US');
const number = (value: number | null) => (value === null ? '?' : count.format(value));

/** What one run made of a pool's snapshot, in lines for a person. */
export function describeSnapshot(report: SnapshotReport, resumed = false): string {
  const { poolId, snapshot, state, archive } = report;
  if (snapshot === null) return `${poolId}: no snapshot was begun.\n`;
  const lines = [`${poolId}  snapshot ${snapshot}: ${state}${resumed ? ' (resumed)' : ''}`];
  if (report.users !== null) {
    lines.push(
      `${number(report.users)} users, ${number(report.groups)} groups, ` +
        `${number(report.memberships)} memberships`,
    );
  }
  if (report.added !== null) {
    lines.push(
      `users: ${number(report.added)} added, ${number(report.modified)} modified, ` +
        `${number(report.removed)} removed`,
    );
  }
  if (report.repaired) {
    lines.push(
      `repaired: ${number(report.repaired)} rows of directory.users that something else had changed`,
    );
  }
  lines.push(
    `${number(report.apiCalls)} calls (${number(report.throttled)} throttled, ` +
      `${number(report.retries)} retries) in ${report.seconds.toFixed(1)} s`,
  );
  if (archive !== null) {
    lines.push(`${archive.manifest}: ${archive.objects} objects, ${number(archive.bytes)} bytes`);
  }
  if (state === 'held') {
    lines.push(
      `held: ${report.reason}`,
      `To publish it: cognito-mirror release ${poolId}/${snapshot}`,
      `To drop it:    cognito-mirror discard ${poolId}/${snapshot}`,
    );
  }
  return `${lines.join('\n  ')}\n`;
}
