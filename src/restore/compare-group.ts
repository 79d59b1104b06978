import type { GroupFields, GroupTask, Loss } from '../model/restore.ts';

/** What becomes of a group of the snapshot. */
export interface GroupComparison {
  /** Null: nothing is written. */
  readonly task: GroupTask | null;
  readonly losses: readonly Loss[];
}

const FIELDS = ['description', 'roleArn', 'precedence'] as const;

/** True for a group that the service makes itself for each identity provider: `<pool id>_<provider>`. */
export function isProviderGroup(groupName: string, sourcePoolId: string): boolean {
  return groupName.startsWith(`${sourcePoolId}_`);
}

/** Compares a group of the snapshot with that of the target, or null if the target lacks it. */
export function compareGroup(
  groupName: string,
  fields: GroupFields,
  present: GroupFields | null,
): GroupComparison {
  if (present === null) {
    return { task: { entity: 'group', action: 'create', groupName, ...fields }, losses: [] };
  }
  const losses = FIELDS.filter((name) => fields[name] === null && present[name] !== null).map(
    (detail): Loss => ({
      entity: 'group',
      name: groupName,
      reason: 'group-field',
      whole: false,
      detail,
    }),
  );
  const changed = <K extends keyof GroupFields>(name: K) =>
    fields[name] === present[name] ? null : fields[name];
  const changes: GroupFields = {
    description: changed('description'),
    roleArn: changed('roleArn'),
    precedence: changed('precedence'),
  };
  const isEqual = FIELDS.every((name) => changes[name] === null);
  return {
    task: isEqual ? null : { entity: 'group', action: 'update', groupName, ...changes },
    losses,
  };
}
