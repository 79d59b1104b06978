import { formatBytes, formatKnown, formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { counted } from '../../common/text.ts';
import type { PoolPruning, PrunedSnapshot } from '../../index.ts';
import { type FittedColumn, formatTable } from './table.ts';
import { pad, wrap } from './text-width.ts';

const LABEL_WIDTH = 11;

/** What `prune` did to the archive of one pool, or would do, in lines of at most `width` columns. */
export function formatPruning(pruning: PoolPruning, width: number): string {
  const { poolId, url, dryRun, keep, removedBefore, snapshots } = pruning;
  const rule = Object.entries(keep).map(([kind, number]) => `${kind}=${number}`);
  const lines = [`${poolId}${dryRun ? ': dry run, nothing is removed' : ''}`];
  const add = (label: string, text: string) =>
    lines.push(...wrap(`  ${pad(label, LABEL_WIDTH)}`, printable(text), width));
  add('archive', url);
  add('keep', rule.join(','));
  if (removedBefore.length > 0) {
    add('before', `${counted(removedBefore.length, 'snapshot')} removed by earlier runs`);
  }
  const of = (outcome: PrunedSnapshot['outcome']) =>
    snapshots.filter((each) => each.outcome === outcome);
  add('kept', counted(of('kept').length, 'snapshot'));
  add(dryRun ? 'to remove' : 'removed', describeObjects(of('removed')));
  if (of('locked').length > 0) add('locked', describeObjects(of('locked')));
  if (of('failed').length > 0) add('failed', counted(of('failed').length, 'snapshot'));
  if (snapshots.length > 0) lines.push('', ...formatTable(columns(dryRun), snapshots, width));
  for (const { snapshot, problem } of snapshots) {
    if (problem !== null) lines.push(...wrap(`  ${snapshot}: `, printable(problem), width));
  }
  return `${lines.join('\n')}\n`;
}

function describeObjects(snapshots: readonly PrunedSnapshot[]): string {
  const sum = (read: (snapshot: PrunedSnapshot) => number | null) =>
    snapshots.reduce((total, snapshot) => total + (read(snapshot) ?? 0), 0);
  const objects = counted(
    sum((each) => each.objects),
    'object',
  );
  return `${counted(snapshots.length, 'snapshot')}, ${objects}, ${formatBytes(sum((each) => each.bytes))}`;
}

function columns(dryRun: boolean): readonly FittedColumn<PrunedSnapshot>[] {
  return [
    { name: 'snapshot', weight: 5, text: ({ snapshot }) => snapshot },
    { name: 'outcome', weight: 4, text: (each) => describeOutcome(each, dryRun) },
    { name: 'kept by', weight: 3, text: ({ keptBy }) => keptBy.join(', ') },
    {
      name: 'objects',
      weight: 2,
      align: 'right',
      text: ({ objects }) => formatKnown(objects, ''),
    },
    {
      name: 'size',
      weight: 1,
      align: 'right',
      text: ({ bytes }) => (bytes === null ? '' : formatBytes(bytes)),
    },
  ];
}

function describeOutcome({ outcome, lockedUntil }: PrunedSnapshot, dryRun: boolean): string {
  if (outcome === 'removed' && dryRun) return 'to remove';
  if (outcome !== 'locked' || lockedUntil === null) return outcome;
  return `locked until ${formatTimestamp(lockedUntil)}`;
}
