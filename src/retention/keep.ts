import { KEEP_KINDS, type KeepKind, type KeepRule } from '../config/keep-rule.ts';

/** Why a snapshot is kept: by a kind of the rule, or as the newest of all. */
export type KeepReason = 'newest' | KeepKind;

/** A sealed snapshot whose objects are in the archive. */
export interface KeepCandidate {
  readonly snapshot: string;
  readonly at: Date;
}

/**
 * Decides which snapshots of a pool are kept: the newest one always, and for each kind of the rule the
 * newest one of each of the latest periods that have one. Periods are those of UTC; weeks begin on
 * Monday. The choice among what it keeps is the same again, so that a repeated run removes nothing more.
 *
 * @returns the reasons by snapshot id. What is not in it is not kept.
 */
export function chooseKept(
  candidates: readonly KeepCandidate[],
  rule: KeepRule,
): ReadonlyMap<string, readonly KeepReason[]> {
  const newestFirst = candidates.toSorted((a, b) => b.at.getTime() - a.at.getTime());
  const kept = new Map<string, KeepReason[]>();
  const keep = ({ snapshot }: KeepCandidate, reason: KeepReason) =>
    kept.set(snapshot, [...(kept.get(snapshot) ?? []), reason]);
  for (const newest of newestFirst.slice(0, 1)) keep(newest, 'newest');
  for (const kind of KEEP_KINDS) {
    const periods = new Set<string>();
    for (const candidate of newestFirst) {
      const period = PERIODS[kind](candidate);
      if (periods.has(period)) continue;
      if (periods.size === (rule[kind] ?? 0)) break;
      periods.add(period);
      keep(candidate, kind);
    }
  }
  return kept;
}

const DAY_MS = 24 * 60 * 60_000;

/** The period of each kind in which a snapshot lies. */
const PERIODS: Readonly<Record<KeepKind, (candidate: KeepCandidate) => string>> = {
  last: ({ snapshot }) => snapshot,
  daily: ({ at }) => at.toISOString().slice(0, 'YYYY-MM-DD'.length),
  weekly: ({ at }) => {
    const sinceMonday = (at.getUTCDay() + 6) % 7;
    return new Date(at.getTime() - sinceMonday * DAY_MS)
      .toISOString()
      .slice(0, 'YYYY-MM-DD'.length);
  },
  monthly: ({ at }) => at.toISOString().slice(0, 'YYYY-MM'.length),
  yearly: ({ at }) => at.toISOString().slice(0, 'YYYY'.length),
};
