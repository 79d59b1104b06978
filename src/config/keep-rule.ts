import type { z } from 'zod';

/**
 * The kinds of snapshots that retention can keep, in the words of restic and borg: the newest ones, and
 * the newest one of each of the latest days, weeks, months and years.
 */
export const KEEP_KINDS = ['last', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type KeepKind = (typeof KEEP_KINDS)[number];

/** How many snapshots of each kind are kept, each 1 or more. It names at least one kind. */
export type KeepRule = Readonly<Partial<Record<KeepKind, number>>>;

export const KEEP_REMEDY = `Give a number for one or more of ${KEEP_KINDS.slice(0, -1).join(', ')} and ${KEEP_KINDS.at(-1)}, such as daily=30,monthly=12,yearly=7.`;

/** Parses a rule such as `daily=30,monthly=12,yearly=7`, and reports each wrong part. */
export function parseKeepRule(text: string, context: z.RefinementCtx): KeepRule {
  const rule: Partial<Record<KeepKind, number>> = {};
  const parts = text.split(',').map((part) => part.trim());
  for (const part of parts) {
    const problem = addPart(rule, part);
    if (problem !== null) context.addIssue(`${JSON.stringify(part)} ${problem}`);
  }
  return rule;
}

/** Adds one part such as `daily=30`. Returns what is wrong with it, or null. */
function addPart(rule: Partial<Record<KeepKind, number>>, part: string): string | null {
  const [, name, number] = /^(\w+)\s*=\s*(\S+)$/.exec(part) ?? [];
  if (name === undefined || number === undefined) return 'must be a kind and a number.';
  const kind = KEEP_KINDS.find((each) => each === name);
  if (kind === undefined) return 'names an unknown kind.';
  if (!/^[1-9]\d{0,8}$/.test(number))
    return 'must have a whole number from 1 up. Leave a kind out to keep none of it.';
  if (rule[kind] !== undefined) return 'repeats a kind.';
  rule[kind] = Number(number);
  return null;
}

/** Writes a rule as `parseKeepRule` reads it. */
export function formatKeepRule(rule: KeepRule): string {
  return KEEP_KINDS.flatMap((kind) =>
    rule[kind] === undefined ? [] : `${kind}=${rule[kind]}`,
  ).join(',');
}
