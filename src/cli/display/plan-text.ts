import { formatBytes, formatDuration, formatSpan } from '../../common/format.ts';
import { counted, formatCount } from '../../common/text.ts';
import type { PoolPlan } from '../../index.ts';
import { wrap } from './text-width.ts';

/**
 * Plans as text, with a block for each pool.
 *
 * @param seconds the duration for all pools together.
 * @param width the columns of a line.
 */
export function formatPlans(plans: readonly PoolPlan[], seconds: number, width: number): string {
  const blocks = plans.map((plan) => describePlan(plan, width));
  if (plans.length > 1) blocks.push(wrap('', describeAll(plans, seconds), width));
  return blocks.map((lines) => `${lines.join('\n')}\n`).join('\n');
}

/** What reading the pool takes, for a reading that is only compared. */
export function formatReadingPlan(plan: PoolPlan, width: number): string {
  const { calls, seconds } = plan;
  const text =
    `Reading ${plan.poolId} now: ${atLeast(plan) || 'about '}${formatCount(calls.total - calls.adminGetUser)} calls, ` +
    `${formatSpan(Math.max(seconds.quota, seconds.chain))}. Nothing is published.`;
  return `${wrap('', text, width).join('\n')}\n`;
}

/** A label, its value, and further lines with the basis of the value. */
type Entry = readonly [label: string, value: string, ...basis: string[]];

function describePlan(plan: PoolPlan, width: number): string[] {
  const entries: Entry[] = [
    describeUsers(plan),
    ['groups', formatCount(plan.groups)],
    describeMemberships(plan),
    describeCalls(plan),
    describeTime(plan),
    describeChanges(plan),
    describeArchive(plan),
  ];
  const room = Math.max(...entries.map(([label]) => label.length));
  const last =
    plan.lastSnapshot === null ? 'first snapshot' : `after snapshot ${plan.lastSnapshot}`;
  return [
    `${plan.poolId}  ${last}`,
    ...entries.flatMap(([label, ...texts]) =>
      texts.flatMap((text, index) =>
        wrap(`  ${(index === 0 ? label : '').padEnd(room)}  `, text, width),
      ),
    ),
  ];
}

function describeAll(plans: readonly PoolPlan[], seconds: number): string {
  const calls = plans.reduce((sum, plan) => sum + plan.calls.total, 0);
  const prefix = plans.some(({ unknownGroups }) => unknownGroups > 0) ? 'at least ' : '';
  return (
    `All ${plans.length} pools: ${prefix}${formatCount(calls)} calls, ${formatDuration(seconds)}. ` +
    'Pools of one account and Region share its quota, so their times add up.'
  );
}

/** If the members of a group are unknown, the values that depend on them are minimums. */
function atLeast({ unknownGroups }: PoolPlan): string {
  return unknownGroups > 0 ? 'at least ' : '';
}

function describeUsers({ users: expected, estimatedUsers }: PoolPlan): Entry {
  const basis =
    expected === estimatedUsers
      ? 'estimated by the service'
      : `from the last snapshot; the service estimates ${formatCount(estimatedUsers)}`;
  return ['users', formatCount(expected), basis];
}

function describeMemberships({ memberships: known, unknownGroups }: PoolPlan): Entry {
  if (unknownGroups === 0) return ['memberships', formatCount(known ?? 0)];
  return [
    'memberships',
    known === null ? 'unknown' : `at least ${formatCount(known)}`,
    `the members of ${counted(unknownGroups, 'new group')} are unknown: one more call per 60`,
  ];
}

function describeCalls(plan: PoolPlan): Entry {
  const { total, listUsers, listUsersInGroup, listGroups, describeUserPool, adminGetUser } =
    plan.calls;
  return [
    'calls',
    `${atLeast(plan)}${formatCount(total)}: ${formatCount(listUsers)} ListUsers, ` +
      `${formatCount(listUsersInGroup)} ListUsersInGroup, ${formatCount(listGroups)} ListGroups, ` +
      `${formatCount(describeUserPool)} DescribeUserPool` +
      (adminGetUser > 0 ? `, up to ${formatCount(adminGetUser)} AdminGetUser for MFA states` : ''),
    plan.lastSnapshot === null
      ? `assuming full pages of ${plan.itemsAPage} items`
      : `assuming ${Math.round(plan.itemsAPage * 10) / 10} items per page, as in the last snapshot`,
  ];
}

function describeTime(plan: PoolPlan): Entry {
  const { quota, chain, mfa, publish, archive: archiving, total } = plan.seconds;
  const figure =
    `${atLeast(plan)}${formatDuration(total)}: reading ${formatDuration(Math.max(quota, chain))}, ` +
    (mfa > 0 ? `MFA states ${formatDuration(mfa)}, ` : '') +
    `publishing ${formatDuration(publish)}, archiving ${formatDuration(archiving)}`;
  const byQuota = `${formatCount(plan.callsASecond)} calls per second: ${formatDuration(quota)}`;
  const byChain =
    `${counted(plan.longestChain, 'page')} in sequence, ` +
    `${Math.ceil(plan.answerSeconds * 1000)} ms each as just measured: ${formatDuration(chain)}`;
  return chain > quota
    ? [
        'time',
        figure,
        `reading is limited by the longest list: ${byChain}`,
        `the share of the quota allows ${byQuota}`,
      ]
    : [
        'time',
        figure,
        `reading is limited by the share of the quota: ${byQuota}`,
        `the longest list takes ${byChain}`,
      ];
}

/** The basis of sizes that were not measured for the pool itself. */
const MEASURED = 'based on measured users of about 600 bytes';

function describeChanges(plan: PoolPlan): Entry {
  const { changedRows, databaseBytes, lastSnapshot } = plan;
  if (changedRows === null || databaseBytes === null) {
    return [
      'database',
      'unknown',
      'the only snapshot is the first one, so the changes are unknown',
    ];
  }
  return [
    'database',
    `${atLeast(plan)}${counted(changedRows, 'row')}, ${formatBytes(databaseBytes)} more`,
    lastSnapshot === null ? MEASURED : `if as much changes as last time, ${MEASURED}`,
    lastSnapshot === null
      ? 'about the same again while the snapshot runs'
      : 'plus keys, hashes and memberships while the snapshot runs',
  ];
}

function describeArchive(plan: PoolPlan): Entry {
  const { formats, bytes, manifest } = plan.archive;
  return [
    'archive',
    `${atLeast(plan)}${formatBytes(bytes)} of ${formats.join(' and ')}`,
    manifest === null ? MEASURED : `based on the rows of ${manifest}`,
  ];
}
