import { counted, formatCount, type PoolPlan } from '../../index.ts';
import { formatBytes, formatDuration } from './format.ts';
import { wrap } from './text-width.ts';

/**
 * Plans in lines for a person, a block for each pool.
 *
 * @param seconds how long the pools take together.
 * @param width columns of a line.
 */
export function planText(plans: readonly PoolPlan[], seconds: number, width: number): string {
  const blocks = plans.map((plan) => describePlan(plan, width));
  if (plans.length > 1) blocks.push(wrap('', describeAll(plans, seconds), width));
  return blocks.map((lines) => `${lines.join('\n')}\n`).join('\n');
}

/** A figure's name, what it is, and in lines of their own what it rests on. */
type Entry = readonly [label: string, figure: string, ...basis: string[]];

function describePlan(plan: PoolPlan, width: number): string[] {
  const entries: Entry[] = [
    users(plan),
    ['groups', formatCount(plan.groups)],
    memberships(plan),
    calls(plan),
    time(plan),
    changes(plan),
    archive(plan),
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
    `All ${plans.length} pools: ${prefix}${formatCount(calls)} calls, ${formatDuration(seconds)}; ` +
    'those of one account and Region one after the other, as they share its quota.'
  );
}

/** Where the members of groups are unknown, what follows from them is the least that there is. */
function atLeast({ unknownGroups }: PoolPlan): string {
  return unknownGroups > 0 ? 'at least ' : '';
}

function users({ users: expected, estimatedUsers }: PoolPlan): Entry {
  const basis =
    expected === estimatedUsers
      ? 'as the service estimates'
      : `as in the last snapshot; the service estimates ${formatCount(estimatedUsers)}`;
  return ['users', formatCount(expected), basis];
}

function memberships({ memberships: known, unknownGroups }: PoolPlan): Entry {
  if (unknownGroups === 0) return ['memberships', formatCount(known ?? 0)];
  return [
    'memberships',
    known === null ? 'unknown' : `at least ${formatCount(known)}`,
    `those of ${counted(unknownGroups, 'group')} new to the mirror are unknown: a call more for every 60`,
  ];
}

function calls(plan: PoolPlan): Entry {
  const { total, listUsers, listUsersInGroup, listGroups, describeUserPool } = plan.calls;
  return [
    'calls',
    `${atLeast(plan)}${formatCount(total)}: ${formatCount(listUsers)} ListUsers, ` +
      `${formatCount(listUsersInGroup)} ListUsersInGroup, ${formatCount(listGroups)} ListGroups, ` +
      `${formatCount(describeUserPool)} DescribeUserPool`,
    plan.lastSnapshot === null
      ? `if pages are full: ${plan.itemsAPage} items`
      : `with ${Math.round(plan.itemsAPage * 10) / 10} items a page, as in the last snapshot`,
  ];
}

function time(plan: PoolPlan): Entry {
  const { quota, chain, publish, archive: archiving, total } = plan.seconds;
  const figure =
    `${atLeast(plan)}${formatDuration(total)}: reading ${formatDuration(Math.max(quota, chain))}, ` +
    `publishing ${formatDuration(publish)}, archiving ${formatDuration(archiving)}`;
  const byQuota = `${formatCount(plan.callsASecond)} calls a second: ${formatDuration(quota)}`;
  const byChain =
    `${formatCount(plan.longestChain)} pages one after the other, ` +
    `each answered in ${Math.ceil(plan.answerSeconds * 1000)} ms as just measured: ${formatDuration(chain)}`;
  return chain > quota
    ? [
        'time',
        figure,
        `reading is set by the longest list, ${byChain}`,
        `the share of the quota would allow ${byQuota}`,
      ]
    : [
        'time',
        figure,
        `reading is set by the share of the quota, ${byQuota}`,
        `the longest list takes ${byChain}`,
      ];
}

/** What sizes go by where none was measured of the pool itself. */
const MEASURED = 'by rows as measured of users of about 600 bytes';

function changes(plan: PoolPlan): Entry {
  const { changedRows, databaseBytes, lastSnapshot } = plan;
  if (changedRows === null || databaseBytes === null) {
    return ['database', 'unknown', 'the last snapshot is the first: how much changes is not known'];
  }
  return [
    'database',
    `${atLeast(plan)}${counted(changedRows, 'row')}, ${formatBytes(databaseBytes)} more`,
    lastSnapshot === null ? MEASURED : `if as much changes as the last time, ${MEASURED}`,
    lastSnapshot === null
      ? 'about as much again while the snapshot is taken'
      : 'keys, hashes and memberships besides while the snapshot is taken',
  ];
}

function archive(plan: PoolPlan): Entry {
  const { formats, bytes, manifest } = plan.archive;
  return [
    'archive',
    `${atLeast(plan)}${formatBytes(bytes)} of ${formats.join(' and ')}`,
    manifest === null ? MEASURED : `by the rows of ${manifest}`,
  ];
}
