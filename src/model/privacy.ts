/** The attributes of users that one place must not have in the clear. */
export interface PrivacyRules {
  /** The names of attributes that are left out. */
  readonly omit: readonly string[];
  /** The names of attributes whose values are replaced by a keyed hash. */
  readonly hash: readonly string[];
}

/**
 * What the rules hid in a snapshot, as its manifest and `directory.snapshots` record it. Null stands for
 * nothing.
 */
export interface PrivacyRecord {
  /** The names of the attributes that were left out, sorted. */
  readonly omitted: readonly string[];
  /** The id of the key by the name of each attribute that was hashed. */
  readonly hashed: Readonly<Record<string, string>>;
}

/** True if both hide the same attributes in the same way, with the same key. */
export function isSameRecord(a: PrivacyRecord | null, b: PrivacyRecord | null): boolean {
  return canonical(a) === canonical(b);
}

function canonical(record: PrivacyRecord | null): string {
  if (record === null) return 'null';
  const hashed = Object.entries(record.hashed).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([record.omitted.toSorted(), hashed]);
}
