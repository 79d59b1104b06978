import { isDeepStrictEqual } from 'node:util';
import type { GroupDifference, UserDifference, Version } from '../model/history.ts';

/** A value of a column or an attribute. Times are ISO 8601 in UTC. */
export type FieldValue = string | number | boolean | readonly unknown[] | null;

/** A field that differs: its values, null where there is none. Empty if values are redacted. */
export interface FieldChange {
  readonly from?: FieldValue;
  readonly to?: FieldValue;
}

/** How a user or a group differs. Only the name of a user can be `replaced`: by another person. */
export type ChangeKind = 'added' | 'removed' | 'modified' | 'replaced';

/** What happened to one user between two states of a pool. */
export interface UserChange {
  readonly entity: 'user';
  /**
   * `replaced`: the name belongs to another person, who has another `sub`. `modified`: fields or
   * memberships differ.
   */
  readonly kind: ChangeKind;
  readonly username: string;
  /** That of the later state, or of a removed user. */
  readonly sub: string | null;
  /** Columns and attributes by name. All that are set, for an added or removed user. */
  readonly fields: Readonly<Record<string, FieldChange>>;
  /** The groups that the user joined and left. */
  readonly groups: { readonly added: readonly string[]; readonly removed: readonly string[] };
}

/** What happened to one group between two states of a pool. */
export interface GroupChange {
  readonly entity: 'group';
  readonly kind: Exclude<ChangeKind, 'replaced'>;
  readonly groupName: string;
  readonly fields: Readonly<Record<string, FieldChange>>;
}

/** What happened to one part of a pool's settings between two states. */
export interface SettingChange {
  readonly entity: 'setting';
  readonly kind: Exclude<ChangeKind, 'replaced'>;
  /** Such as `client/1a2b3c`. */
  readonly part: string;
  /** By the service's own names, with dots within: `TokenValidityUnits.IdToken`. Secrets are hashes. */
  readonly fields: Readonly<Record<string, FieldChange>>;
}

/** What happened to one user, group or part of the settings between two states of a pool. */
export type Change = UserChange | GroupChange | SettingChange;

/** Which parts of a change are shown. */
export interface FieldSelection {
  /**
   * Names of columns and attributes, and `groups` for memberships; by default all but `modified_at` and
   * `mfa_read_at`.
   */
  readonly fields?: readonly string[] | undefined;
  /** True to include these two. */
  readonly allFields?: boolean | undefined;
  /** True to leave out values: keys and the names of fields remain. */
  readonly redact?: boolean | undefined;
}

/** What is compared: fields, of one pool or of two. */
export interface Comparing extends FieldSelection {
  /** True: a name is one person in both pools, whose `sub` and dates differ and are not shown by default. */
  readonly acrossPools?: boolean;
}

/** Compares a user's versions in two states. Returns null if nothing that is shown differs. */
export function compareUser(
  { username, before, after, memberSub, joined, left }: UserDifference,
  selection: Comparing,
): UserChange | null {
  const [oldSub, newSub] = [before, after].map((version) => version?.['sub'] as string | null);
  const { acrossPools = false } = selection;
  const kind = kindOf(before, after, !acrossPools && oldSub !== newSub);
  const showsGroups = selection.fields?.includes('groups') ?? true;
  const groups = { added: showsGroups ? joined : [], removed: showsGroups ? left : [] };
  const fields = compareFields(before, after, selection);
  // The change itself has it.
  if (kind !== 'replaced' && !acrossPools) delete fields['sub'];
  const isSame = groups.added.length + groups.removed.length + Object.keys(fields).length === 0;
  if (kind === 'modified' && isSame) return null;
  const sub = (after === null ? oldSub : newSub) ?? memberSub;
  return { entity: 'user', kind, username, sub, fields, groups };
}

/** Compares a group's versions in two states. Returns null if nothing that is shown differs. */
export function compareGroup(
  { groupName, before, after }: GroupDifference,
  selection: Comparing,
): GroupChange | null {
  const kind = kindOf(before, after, false) as GroupChange['kind'];
  const fields = compareFields(before, after, selection);
  if (kind === 'modified' && Object.keys(fields).length === 0) return null;
  return { entity: 'group', kind, groupName, fields };
}

function kindOf(before: Version | null, after: Version | null, isAnother: boolean): ChangeKind {
  // A user whose memberships alone changed has neither.
  if (before === null) return after === null ? 'modified' : 'added';
  if (after === null) return 'removed';
  return isAnother ? 'replaced' : 'modified';
}

/** The columns that only say when the service noted, or first returned, what others hold. */
const TIMES: readonly string[] = ['modified_at', 'mfa_read_at'];

function compareFields(
  before: Version | null,
  after: Version | null,
  { fields, allFields = false, redact = false, acrossPools = false }: Comparing,
): Record<string, FieldChange> {
  const [from, to] = [listFields(before), listFields(after)];
  const hidden = acrossPools ? [...TIMES, 'created_at', 'sub'] : TIMES;
  const isShown = (name: string) => fields?.includes(name) ?? (allFields || !hidden.includes(name));
  const differing = [...from.keys()].filter((name) => !isSame(from.get(name), to.get(name)));
  const added = [...to.keys()].filter((name) => !from.has(name));
  const changed = [...differing, ...added]
    .filter(isShown)
    .sort()
    .map((name): [string, FieldChange] => [
      name,
      redact ? {} : { from: from.get(name) ?? null, to: to.get(name) ?? null },
    ]);
  return Object.fromEntries(changed);
}

/** Most values are text, which needs no deep comparison. */
function isSame(a: FieldValue | undefined, b: FieldValue | undefined): boolean {
  return a === b || (typeof a === 'object' && isDeepStrictEqual(a, b));
}

/** The fields of a version that are set: its columns, and each attribute by its own name. */
export function listFields(version: Version | null): Map<string, FieldValue> {
  const fields = new Map<string, FieldValue>();
  for (const [name, value] of Object.entries(version ?? {})) {
    if (name === 'attributes') {
      for (const [attribute, text] of Object.entries(value as Record<string, string>)) {
        fields.set(attribute, text);
      }
    } else if (value instanceof Date) {
      fields.set(name, value.toISOString());
    } else if (value !== null && !(Array.isArray(value) && value.length === 0)) {
      fields.set(name, value as FieldValue);
    }
  }
  return fields;
}
