/** The commands by which a person decides about a held snapshot. */
export function decisionLines(poolId: string, snapshot: string): string[] {
  return [
    `To publish it: cognito-mirror release ${poolId}/${snapshot}`,
    `To drop it:    cognito-mirror discard ${poolId}/${snapshot}`,
  ];
}
