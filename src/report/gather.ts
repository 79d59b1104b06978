import { addSeconds } from '../common/time.ts';
import { PROGRAM } from '../config/config.ts';
import { diff } from '../history/diff.ts';
import { findPublished } from '../history/points.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { GroupThen, Moment } from '../model/history.ts';
import type { HistorySource } from '../model/history-source.ts';
import type {
  Listed,
  PoolSource,
  ReportSource,
  SnapshotRecord,
  StateCounts,
} from '../model/report-source.ts';
import { ChangeCollector } from './collect-changes.ts';
import type { ArchiveCheck, Report, ReportedState, RoleGroup, RoleOfState } from './report.ts';
import { judge } from './verdict.ts';

/** What a report is about. */
export interface ReportQuestion {
  /** A snapshot id, a time, `latest` or `previous`; by default the snapshot before `to`. */
  readonly from?: string | undefined;
  /** The same; by default `latest`. */
  readonly to?: string | undefined;
  /** After how many days an unconfirmed user that did not change is listed; by default 90. */
  readonly unchangedDays?: number | undefined;
  /** The most entries of each list, up to 10,000; by default 50. */
  readonly limit?: number | undefined;
}

/** Verifies the archive of a snapshot. */
export type VerifyArchive = (record: SnapshotRecord) => Promise<ArchiveCheck>;

/** The least and the most of each number of a question. */
const BOUNDS = { limit: [1, 10_000], unchangedDays: [0, 36_500] } as const;

const DAY_SECONDS = 86_400;

/**
 * Gathers what a report says. Memory grows with its limit, not with the pool.
 *
 * @throws ActionRequiredError if a snapshot is unknown, they are in the wrong order, or a number is
 *   out of its bounds
 */
export async function gather(
  source: PoolSource,
  verify: VerifyArchive,
  question: ReportQuestion,
): Promise<Report> {
  const { from, to = 'latest', unchangedDays = 90, limit = 50 } = question;
  requireWithin('unchangedDays', unchangedDays);
  requireWithin('limit', limit);
  const later = await findPublished(source, 'to', to);
  const { name, accountId, first } = await source.describePool();
  const earlier =
    from === undefined
      ? await findBefore(source, later, first)
      : await findPublished(source, 'from', from);
  requireOrder(earlier, later);
  const record = await source.describeSnapshot(later);
  // It reads the archive, while the rest asks the database.
  const verifying = verify(record);
  verifying.catch(() => {});

  const groups = {
    before: await source.listGroups(earlier),
    after: await source.listGroups(later),
  };
  const carriesRole = ({ roleArn }: GroupThen) => roleArn !== null;
  const roleNames = [...groups.before, ...groups.after]
    .filter(carriesRole)
    .map(({ groupName }) => groupName);
  const changes = new ChangeCollector(limit, roleNames);
  const span = { from: earlier.snapshot, to: later.snapshot };
  const { summary } = await diff(source, span, async (_, batches) => {
    for await (const batch of batches) for (const change of batch) changes.add(change);
  });
  const before = await describeState(source, earlier);
  const after = await describeState(source, later);
  const unchangedSince = addSeconds(later.snapshotAt, -unchangedDays * DAY_SECONDS);
  const concerns = await source.findConcerns(later, { unchangedSince, limit });
  const archive = await verifying;
  const members = { before: before.counts.members, after: after.counts.members };
  return {
    poolId: source.poolId,
    name,
    accountId,
    program: PROGRAM,
    madeAt: new Date(),
    limit,
    first,
    from: before,
    to: after,
    verdict: judge(after, record, archive),
    summary,
    users: changes.users,
    groups: changes.groups,
    settings: changes.settings,
    roles: listRoles(new Set(roleNames), groups, members, changes, limit),
    concerns,
    unchangedDays,
    record,
    archive,
  };
}

function requireWithin(name: keyof typeof BOUNDS, value: number): void {
  const [least, most] = BOUNDS[name];
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw ActionRequiredError.of(
    name,
    'is out of its bounds.',
    `Give a whole number from ${least} to ${most}.`,
  );
}

/** The snapshot before another. Before the first there is none, and nothing to compare it with. */
async function findBefore(source: HistorySource, later: Moment, first: Moment): Promise<Moment> {
  if (later.snapshot === first.snapshot) return later;
  // The times of snapshots are whole seconds.
  return source.findCurrentAt(new Date(later.snapshotAt.getTime() - 1));
}

function requireOrder(earlier: Moment, later: Moment): void {
  if (earlier.snapshotAt <= later.snapshotAt) return;
  const problem = `${earlier.snapshot} is later than \`to\`, ${later.snapshot}.`;
  throw ActionRequiredError.of('from', problem, 'Give the earlier one as `from`.');
}

async function describeState(source: ReportSource, moment: Moment): Promise<ReportedState> {
  const counts = await source.countState(moment);
  const add = (numbers: Iterable<number>) => [...numbers].reduce((sum, each) => sum + each, 0);
  return {
    snapshot: moment.snapshot,
    snapshotAt: moment.snapshotAt,
    users: add(counts.statuses.map(({ users }) => users)),
    memberships: add(counts.members.values()),
    counts,
  };
}

interface Sides<T> {
  readonly before: T;
  readonly after: T;
}

function listRoles(
  names: ReadonlySet<string>,
  groups: Sides<readonly GroupThen[]>,
  members: Sides<StateCounts['members']>,
  changes: ChangeCollector,
  limit: number,
): Listed<RoleGroup> {
  const index = (side: keyof Sides<unknown>) =>
    new Map(groups[side].map((group) => [group.groupName, group]));
  const [before, after] = [index('before'), index('after')];
  const roles = [...names].map(
    (groupName): RoleGroup => ({
      groupName,
      before: describeRole(before.get(groupName), members.before),
      after: describeRole(after.get(groupName), members.after),
      ...changes.movesOf(groupName),
    }),
  );
  const isStill = ({ joined, left }: RoleGroup) => (joined.total + left.total === 0 ? 1 : 0);
  const order = (a: RoleGroup, b: RoleGroup) =>
    isStill(a) - isStill(b) || Buffer.compare(Buffer.from(a.groupName), Buffer.from(b.groupName));
  return { total: roles.length, shown: roles.sort(order).slice(0, limit) };
}

function describeRole(
  group: GroupThen | undefined,
  members: StateCounts['members'],
): RoleOfState | null {
  if (group === undefined) return null;
  const { groupName, roleArn, precedence } = group;
  return { roleArn, precedence, members: members.get(groupName) ?? 0 };
}
