import { commandHint } from '../../config/command-line.ts';

/** The commands by which a person decides about a held snapshot. */
export function decisionLines(poolId: string, snapshot: string): string[] {
  const key = `${poolId}/${snapshot}`;
  return [
    `To publish it: ${commandHint(['release', key])}`,
    `To drop it:    ${commandHint(['discard', key])}`,
  ];
}
