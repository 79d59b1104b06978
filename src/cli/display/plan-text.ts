import type { PoolPlan } from '../../runner/plan-pools.ts';
import { formatBytes, formatCount, formatDuration } from './format.ts';

/**
 * Plans in lines for a person, a block for each pool.
 *
 * @param seconds how long the pools take together.
 */
export function planText(plans: readonly PoolPlan[], seconds: number): string {
  const blocks = plans.map(describePlan);
  if (plans.length > 1) blocks.push(describeAll(plans, seconds));
  return blocks.join('\n');
}

/** A figure's name, what it is, and in lines of their own what it rests on. */
type Entry = readonly [label: string, figure: string, ...basis: string[]];

function describePlan(plan: PoolPlan): string {
  const entries: Entry[] = [
    ['users', formatCount(plan.users)],
    ['groups', formatCount(plan.groups)],
    memberships(plan),
    calls(plan),
    time(plan),
    changes(plan),
    archive(plan),
  ];
  const width = Math.max(...entries.map(([label]) => label.length));
  const lines = entries.flatMap(([label, ...texts]) =>
    texts.map((text, index) => `  ${(index === 0 ? label : '').padEnd(width)}  ${text}\n`),
  );
  const title = plan.lastSnapshot === null ? 'first snapshot' : `after ${plan.lastSnapshot}`;
  return `${plan.poolId}  ${title}\n${lines.join('')}`;
}

function describeAll(plans: readonly PoolPlan[], seconds: number): string {
  const calls = plans.reduce((sum, plan) => sum + plan.calls.total, 0);
  const prefix = plans.some(({ unknownGroups }) => unknownGroups > 0) ? 'at least ' : '';
  return (
    `All ${plans.length} pools: ${prefix}${formatCount(calls)} calls, ${formatDuration(seconds)}; ` +
    'those of one account and Region one after the other, as they share its quota.\n'
  );
}

/** Where the members of groups are unknown, what follows from them is the least that there is. */
function atLeast({ unknownGroups }: PoolPlan): string {
  return unknownGroups > 0 ? 'at least ' : '';
}

function memberships({ memberships: known, unknownGroups }: PoolPlan): Entry {
  const count = known === null ? 'unknown' : formatCount(known);
  if (unknownGroups === 0) return ['memberships', count];
  const of = `${formatCount(unknownGroups)} ${unknownGroups === 1 ? 'group is' : 'groups are'}`;
  return [
    'memberships',
    known === null ? count : `at least ${count}`,
    `${of} new to the mirror: a call more for every 60 members`,
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
      : `with ${plan.itemsAPage} items a page, as in the last snapshot`,
  ];
}

function time(plan: PoolPlan): Entry {
  const { quota, chain, publish, archive: archiving, total } = plan.seconds;
  const rate = `${plan.callsASecond} calls a second, the share of the quota`;
  const answers = `answers of ${Math.ceil(plan.answerSeconds * 1000)} ms, as measured now`;
  const longest = `the longest chain of pages, ${formatCount(plan.longestChain)} with ${answers}`;
  return [
    'time',
    `${atLeast(plan)}${formatDuration(total)}: reading ${formatDuration(Math.max(quota, chain))}, ` +
      `publishing ${formatDuration(publish)}, archiving ${formatDuration(archiving)}`,
    chain > quota
      ? `set by ${longest}; ${rate}, would allow ${formatDuration(quota)}`
      : `set by ${rate}; ${longest}, takes ${formatDuration(chain)}`,
  ];
}

function changes(plan: PoolPlan): Entry {
  const { changedRows, databaseBytes, lastSnapshot } = plan;
  if (changedRows === null || databaseBytes === null) {
    return ['database', 'unknown', 'the last snapshot is the first: how much changes is not known'];
  }
  const growth = `${atLeast(plan)}${formatCount(changedRows)} rows, ${formatBytes(databaseBytes)} more`;
  return lastSnapshot === null
    ? ['database', growth, 'and about as much again while the snapshot is taken']
    : ['database', growth, 'if as much changes as the last time'];
}

function archive(plan: PoolPlan): Entry {
  const { formats, bytes, manifest } = plan.archive;
  return [
    'archive',
    `${atLeast(plan)}${formatBytes(bytes)} of ${formats.join(' and ')}`,
    manifest === null ? 'by the rows of simulated users' : `by the rows of ${manifest}`,
  ];
}
