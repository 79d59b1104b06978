import { type CheckDefinition, type CheckResult, ok, warning } from './check.ts';

/** The last day of support of each line that the program runs on (Node's release schedule). */
const SUPPORT_ENDS: Readonly<Record<number, string>> = {
  20: '2026-04-30',
  22: '2027-04-30',
  24: '2028-04-30',
  26: '2029-04-30',
};

/** A line whose support is to last for years. */
const BEST = 24;

/** Node, and how long it gets fixes. */
export const nodeCheck: CheckDefinition = {
  id: 'node',
  title: 'Node',
  examines: 'the version of Node, and until when it gets fixes',
  isQuick: true,
  remedy: `Install Node ${BEST}.`,
  examine: async () => [checkNode(process.versions.node, new Date())],
};

/** Judges a version of Node at a time. */
export function checkNode(version: string, now: Date): CheckResult {
  const major = Number(version.split('.')[0]);
  const end = SUPPORT_ENDS[major];
  const remedy = `Install Node ${BEST}, which gets fixes until ${SUPPORT_ENDS[BEST]}.`;
  if (end === undefined) {
    return warning(`Version ${version} is not of a line that the program is tested with.`, remedy);
  }
  const isOver = now > new Date(`${end}T23:59:59Z`);
  return isOver
    ? warning(`Version ${version} has had no fixes since ${end}.`, remedy)
    : ok(`Version ${version}, which gets fixes until ${end}.`);
}
