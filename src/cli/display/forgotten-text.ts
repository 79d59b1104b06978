import { formatBytes, formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { counted } from '../../common/text.ts';
import type { Forgotten, ForgottenSnapshot, ScrubbedTable } from '../../index.ts';
import { type FittedColumn, formatTable } from './table.ts';
import { pad, wrap } from './text-width.ts';

const LABEL_WIDTH = 11;

const COLUMNS: readonly FittedColumn<ForgottenSnapshot>[] = [
  { name: 'snapshot', weight: 4, text: ({ snapshot }) => snapshot },
  { name: 'revision', weight: 3, align: 'right', text: ({ revision }) => String(revision ?? '') },
  { name: 'parts', weight: 2, align: 'right', text: ({ parts }) => String(parts) },
  { name: 'rows', weight: 1, align: 'right', text: ({ rows }) => String(rows) },
];

/** What `forget` removed, or would remove, in lines of at most `width` columns. It has no names. */
export function formatForgotten(forgotten: Forgotten, width: number): string {
  const { poolId, url, dryRun, persons, present, database, snapshots, waiting, receipt } =
    forgotten;
  const lines = [`${poolId}${dryRun ? ': dry run, nothing is removed' : ''}`];
  const add = (label: string, text: string) =>
    lines.push(...wrap(`  ${pad(label, LABEL_WIDTH)}`, printable(text), width));
  add('persons', `${persons}${present > 0 ? `, ${present} still in the pool` : ''}`);
  const tables = Object.entries(database).map(([table, rows]) => `${table} ${rows}`);
  add('database', tables.length === 0 ? 'no rows' : tables.join(', '));
  const parts = snapshots.reduce((sum, each) => sum + each.parts, 0);
  add('archive', url);
  add(
    dryRun ? 'to rewrite' : 'rewritten',
    `${counted(parts, 'part')} of ${counted(snapshots.length, 'snapshot')}`,
  );
  if (receipt !== null) add('receipt', receipt);
  if (!dryRun) add('remain', 'backups, replicas, WAL and copies: see docs/PRIVACY.md');
  if (snapshots.length > 0) lines.push('', ...formatTable(COLUMNS, snapshots, width));
  for (const { key, until, isHeld } of waiting) {
    const why = isHeld ? 'a legal hold protects it' : describeLock(until);
    lines.push(...wrap(`  ${printable(key)}: `, why, width));
  }
  return `${lines.join('\n')}\n`;
}

function describeLock(until: string | null): string {
  return until === null ? 'locked' : `locked until ${formatTimestamp(new Date(until))}`;
}

/** What a person should know before tables are rewritten. */
export function formatScrub(tables: readonly ScrubbedTable[]): string {
  const owned = tables.filter(({ isOwned }) => isOwned);
  const names = owned.map(({ table, bytes }) => `${table} (${formatBytes(bytes)})`);
  const text = `Rewriting ${names.join(', ')}. Each is locked against readers and snapshots meanwhile.`;
  const foreign = tables.filter(({ isOwned }) => !isOwned).map(({ table }) => table);
  if (foreign.length === 0) return text;
  return `${text} Only the owner of the database may rewrite ${foreign.join(', ')}: run VACUUM (FULL) there.`;
}
