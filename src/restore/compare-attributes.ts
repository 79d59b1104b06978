import type { LossReason, TargetAttribute, TargetPool } from '../model/restore.ts';
import { isHashed } from '../privacy/hash-key.ts';

/** Where the target's schema has it, it gets the `sub` that the user had in the snapshot. */
export const PREVIOUS_SUB = 'custom:previous_sub';

/** An attribute that does not come back. */
export interface AttributeLoss {
  readonly reason: LossReason;
  readonly name: string;
}

/** The attributes to write, and what is left out. */
export interface AttributeComparison {
  readonly attributes: Readonly<Record<string, string>>;
  readonly losses: readonly AttributeLoss[];
}

/** What the snapshot has of a user, as far as it decides attributes. */
interface Source {
  readonly sub: string | null;
  readonly attributes: ReadonlyMap<string, string>;
}

/** Attributes of the target that no call may set. */
const KEPT_BY_SERVICE = ['sub', 'identities'];

/**
 * The attributes of a user to create. A loss with `attribute-required` means that it cannot be.
 *
 * @param omitted attributes that a snapshot may lack because of privacy rules
 */
export function attributesToCreate(
  source: Source,
  pool: TargetPool,
  omitted: ReadonlySet<string>,
): AttributeComparison {
  const { wanted, hidden } = readWanted(source, pool, omitted);
  const losses = [...hidden].map((name): AttributeLoss => ({ reason: 'attribute-hidden', name }));
  const attributes = new Map<string, string>();
  for (const [name, value] of wanted) {
    if (value === '') continue;
    const reason = refusalOf(pool.schema.get(name), value);
    if (reason === null) attributes.set(name, value);
    else losses.push({ reason, name });
  }
  for (const [name, { required }] of pool.schema) {
    if (!required || KEPT_BY_SERVICE.includes(name) || attributes.has(name)) continue;
    losses.push({ reason: 'attribute-required', name });
  }
  return { attributes: Object.fromEntries(attributes), losses };
}

/**
 * The attributes of an existing user that differ. An empty value removes one that the snapshot lacks.
 *
 * Attributes that privacy rules hide stay as they are.
 *
 * @param present what the target's user has
 */
export function attributesToChange(
  source: Source,
  present: ReadonlyMap<string, string>,
  pool: TargetPool,
  omitted: ReadonlySet<string>,
): AttributeComparison {
  const { wanted: target, hidden } = readWanted(source, pool, omitted);
  const losses: AttributeLoss[] = [];
  const changes = new Map<string, string>();
  const change = (name: string, value: string) => {
    const reason = refusalOf(pool.schema.get(name), value, true);
    if (reason !== null) losses.push({ reason, name });
    else changes.set(name, value);
  };
  for (const [name, value] of target) {
    if ((present.get(name) ?? '') !== value) change(name, value);
  }
  for (const name of present.keys()) {
    if (target.has(name) || hidden.has(name) || isKept(name)) continue;
    if (!isVerifiedFlag(name)) change(name, '');
    // Only its address can take a flag away.
    else if (present.get(name) === 'true') change(name, 'false');
  }
  for (const address of ['email', 'phone_number']) {
    keepVerified(address, changes, losses, target, pool);
  }
  return { attributes: Object.fromEntries(changes), losses };
}

/** The attributes that a user should have, with the `sub` that it had; and those that are not known. */
function readWanted(
  { sub, attributes }: Source,
  { schema }: TargetPool,
  omitted: ReadonlySet<string>,
): { wanted: ReadonlyMap<string, string>; hidden: ReadonlySet<string> } {
  const wanted = new Map<string, string>();
  // A snapshot from before the rules has them in the clear.
  const hidden = new Set([...omitted].filter((name) => !attributes.has(name)));
  for (const [name, value] of attributes) {
    if (isHashed(value)) hidden.add(name);
    else wanted.set(name, value);
  }
  if (sub !== null && schema.has(PREVIOUS_SUB)) wanted.set(PREVIOUS_SUB, sub);
  return { wanted, hidden };
}

/** True for an attribute of the target that a restore leaves alone. */
function isKept(name: string): boolean {
  return KEPT_BY_SERVICE.includes(name) || name === PREVIOUS_SUB;
}

/**
 * The service takes the mark `verified` from an address that changes, unless the same request sets it. If
 * it verifies addresses by itself, it also sends a message to a new one that is not marked.
 */
function keepVerified(
  address: string,
  changes: Map<string, string>,
  losses: AttributeLoss[],
  target: ReadonlyMap<string, string>,
  { autoVerifiedAttributes }: TargetPool,
): void {
  const value = changes.get(address) ?? '';
  if (value === '') return;
  const flag = `${address}_verified`;
  const isVerified = target.get(flag);
  if (isVerified !== 'true' && autoVerifiedAttributes.includes(address)) {
    changes.delete(address);
    changes.delete(flag);
    losses.push({ reason: 'attribute-unverified', name: address });
  } else if (isVerified !== undefined) {
    changes.set(flag, isVerified);
  }
}

function isVerifiedFlag(name: string): boolean {
  return name === 'email_verified' || name === 'phone_number_verified';
}

/** Why the service would refuse a value; null if it takes it. An empty value removes the attribute. */
function refusalOf(
  rule: TargetAttribute | undefined,
  value: string,
  isChange = false,
): LossReason | null {
  if (rule === undefined) return 'attribute-missing';
  if (isChange && !rule.mutable) return 'attribute-immutable';
  if (value === '') return rule.required ? 'attribute-required' : null;
  return isAccepted(rule, value) ? null : 'attribute-invalid';
}

/** True if a value has the type of an attribute, and is within its limits. */
function isAccepted({ type, min, max }: TargetAttribute, value: string): boolean {
  if (type === 'Boolean') return value === 'true' || value === 'false';
  if (type === 'DateTime') return true;
  if (type === 'Number' && !/^-?\d+(\.\d+)?$/.test(value)) return false;
  const measure = type === 'Number' ? Number(value) : value.length;
  return (
    measure >= (min ?? Number.NEGATIVE_INFINITY) && measure <= (max ?? Number.POSITIVE_INFINITY)
  );
}
