/** The names of one stage's tables. */
export interface StageTables {
  readonly walks: string;
  readonly users: string;
  readonly groups: string;
  readonly memberships: string;
  readonly alive: string;
}

/** The tables of the stage with this number (`mirror.runs.stage`). */
export function stageTables(stage: number): StageTables {
  const table = (name: string) => `mirror.stage_${stage}_${name}`;
  return {
    walks: table('walks'),
    users: table('users'),
    groups: table('groups'),
    memberships: table('memberships'),
    alive: table('alive'),
  };
}
