import { formatKnown } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { counted } from '../../common/text.ts';
import type { Outcome, SnapshotReport } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { wrap } from './text-width.ts';

const number = (value: number | null) => formatKnown(value, '?');

/** The result of one run for a pool. */
interface Summarized {
  readonly report: SnapshotReport;
  /** How the run ended. Absent: as the state of the snapshot. */
  readonly outcome?: Outcome;
  readonly resumed?: boolean;
}

/**
 * Describes the result of one run in lines of at most `width` columns. Paths and commands are not
 * wrapped, so that they can be copied.
 */
export function describeSnapshot(
  { report, outcome, resumed = false }: Summarized,
  width: number,
): string {
  const { poolId, snapshot, state, archive } = report;
  if (snapshot === null) return `${poolId}: no snapshot was started.\n`;
  const isUnfinished = outcome === 'failed' || outcome === 'interrupted';
  // The state alone would read as if the run continued.
  const end = isUnfinished && state !== outcome ? `${outcome}, ${state}` : state;
  const lines = [`${poolId}  snapshot ${snapshot}: ${end}${resumed ? ' (resumed)' : ''}`];
  const add = (text: string) => lines.push(...wrap('  ', text, width));
  if (report.users !== null) {
    add(
      `${number(report.users)} users, ${number(report.groups)} groups, ` +
        `${number(report.memberships)} memberships`,
    );
  }
  if (report.added !== null) {
    add(
      `users: ${number(report.added)} added, ${number(report.modified)} modified, ` +
        `${number(report.removed)} removed`,
    );
  }
  if (report.repaired) {
    add(
      `repaired: ${number(report.repaired)} rows of directory.users that another program had changed`,
    );
  }
  if (report.settings !== null) add(`${counted(report.settings, 'part')} of the pool settings`);
  for (const [part, reason] of Object.entries(report.settingsUnread ?? {})) {
    add(`not read: ${printable(part)}. ${reason}`);
  }
  add(
    `${counted(report.apiCalls, 'call')} (${number(report.throttled)} throttled, ` +
      `${number(report.retries)} retries) in ${report.seconds.toFixed(1)} s`,
  );
  if (archive !== null) {
    lines.push(`  ${archive.manifest}: ${archive.objects} objects, ${number(archive.bytes)} bytes`);
  }
  if (state === 'held') {
    add(`held: ${report.reason}`);
    add(HELD_MEANS);
    lines.push(...formatDecisions(poolId, snapshot).map((line) => `  ${line}`));
  }
  return `${lines.join('\n')}\n`;
}

/** What it means that a snapshot is held, and what happens without a decision. */
export const HELD_MEANS =
  'It is not published: what readers see has not changed. The next run of the pool discards it and ' +
  'reads the pool again.';

/** The commands that show what a held snapshot changes, publish it, and discard it. */
export function formatDecisions(poolId: string, snapshot: string): string[] {
  return [
    'To see what it would change:',
    `  ${commandHint(['diff', poolId, 'latest', 'held'])}`,
    ...formatChoices(poolId, snapshot),
  ];
}

/** The commands that publish a held snapshot, and discard it. Each has its own line, to be pasted. */
export function formatChoices(poolId: string, snapshot: string): string[] {
  const key = `${poolId}/${snapshot}`;
  return [
    'To publish it:',
    `  ${commandHint(['release', key])}`,
    'To discard it:',
    `  ${commandHint(['discard', key])}`,
  ];
}
