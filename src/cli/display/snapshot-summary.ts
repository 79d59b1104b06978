import { counted, formatCount, type Outcome, type SnapshotReport } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { wrap } from './text-width.ts';

const number = (value: number | null) => (value === null ? '?' : formatCount(value));

/** What one run made of a pool's snapshot. */
export interface Summarized {
  readonly report: SnapshotReport;
  /** How the run ended; where it is left out, the snapshot's state tells. */
  readonly outcome?: Outcome;
  readonly resumed?: boolean;
}

/**
 * What one run made of a pool's snapshot, in lines for a person of at most `width` columns. Paths and
 * commands stay whole, to be copied.
 */
export function describeSnapshot(
  { report, outcome, resumed = false }: Summarized,
  width: number,
): string {
  const { poolId, snapshot, state, archive } = report;
  if (snapshot === null) return `${poolId}: no snapshot was begun.\n`;
  const isUnfinished = outcome === 'failed' || outcome === 'interrupted';
  // A state alone would read as if it went on.
  const end = isUnfinished && state !== outcome ? `${outcome}, ${state}` : state;
  const lines = [`${poolId}  snapshot ${snapshot}: ${end}${resumed ? ' (resumed)' : ''}`];
  const say = (text: string) => lines.push(...wrap('  ', text, width));
  if (report.users !== null) {
    say(
      `${number(report.users)} users, ${number(report.groups)} groups, ` +
        `${number(report.memberships)} memberships`,
    );
  }
  if (report.added !== null) {
    say(
      `users: ${number(report.added)} added, ${number(report.modified)} modified, ` +
        `${number(report.removed)} removed`,
    );
  }
  if (report.repaired) {
    say(
      `repaired: ${number(report.repaired)} rows of directory.users that something else had changed`,
    );
  }
  say(
    `${counted(report.apiCalls, 'call')} (${number(report.throttled)} throttled, ` +
      `${number(report.retries)} retries) in ${report.seconds.toFixed(1)} s`,
  );
  if (archive !== null) {
    lines.push(`  ${archive.manifest}: ${archive.objects} objects, ${number(archive.bytes)} bytes`);
  }
  if (state === 'held') {
    say(`held: ${report.reason}`);
    lines.push(...decisionLines(poolId, snapshot).map((line) => `  ${line}`));
  }
  return `${lines.join('\n')}\n`;
}

/** The commands by which a person decides about a held snapshot. */
export function decisionLines(poolId: string, snapshot: string): string[] {
  const key = `${poolId}/${snapshot}`;
  return [
    `To publish it: ${commandHint(['release', key])}`,
    `To drop it:    ${commandHint(['discard', key])}`,
  ];
}
