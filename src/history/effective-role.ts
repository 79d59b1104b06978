/** What decides the role of a group's members. */
export interface RoleOfGroup {
  readonly groupName: string;
  readonly roleArn: string | null;
  /** 0 is the highest, null the lowest. */
  readonly precedence: number | null;
}

/** The IAM role that a user gets through groups. */
export interface EffectiveRole {
  /** The ARN; null if the user gets none, or if several groups tie. */
  readonly roleArn: string | null;
  /** The groups that decide, with their roles. Several with different roles tie: the user gets none. */
  readonly groups: readonly { readonly groupName: string; readonly roleArn: string }[];
}

/**
 * The role of a user in these groups: the only distinct one among the groups with the lowest
 * precedence value, as `directory.effective_roles` has it.
 */
export function findEffectiveRole(groups: readonly RoleOfGroup[]): EffectiveRole {
  const level = (group: RoleOfGroup) => group.precedence ?? Number.POSITIVE_INFINITY;
  const best = Math.min(...groups.map(level));
  const deciding = groups.flatMap(({ groupName, roleArn, precedence }) =>
    roleArn !== null && (precedence ?? Number.POSITIVE_INFINITY) === best
      ? [{ groupName, roleArn }]
      : [],
  );
  const roles = new Set(deciding.map(({ roleArn }) => roleArn));
  const [only = null] = roles;
  return { roleArn: roles.size === 1 ? only : null, groups: deciding };
}
