import type {
  CreateUserTask,
  Loss,
  LossReason,
  RestorableMfa,
  RestoreMfa,
  RestorePassword,
  TargetPool,
  UpdateUserTask,
  UserTask,
} from '../model/restore.ts';
import { encodeName } from '../model/storable.ts';
import { isHashed } from '../privacy/hash-key.ts';
import { attributesToChange, attributesToCreate, PREVIOUS_SUB } from './compare-attributes.ts';
import type { SourceUser } from './source-user.ts';
import type { TargetState, TargetUser } from './target-state.ts';

/** What decides about users, besides the two pools. */
export interface UserRules {
  readonly password: RestorePassword;
  /** Attributes that a snapshot may lack because of the privacy rules of the mirror. */
  readonly omitted: ReadonlySet<string>;
  /** True if source and target are one pool: then another `sub` is another person. */
  readonly samePool: boolean;
  /** True for a user of the source whose creation an earlier run began and did not end. */
  readonly isUnfinished: (username: string) => boolean;
  /** True for a `sub` that an earlier restore gave a user of the target. */
  readonly isRestored: (sub: string) => boolean;
}

/** What becomes of a user of the snapshot. */
export interface UserComparison {
  /** Null: nothing is written. */
  readonly task: UserTask | null;
  /** The user of the target; null if there is none yet. */
  readonly present: TargetUser | null;
  /** False: memberships and links of the user cannot come back either. */
  readonly comesBack: boolean;
  readonly losses: readonly Loss[];
}

/** Statuses of users that cannot sign in with a password of their own. A permanent password ends them. */
const WAITING = ['FORCE_CHANGE_PASSWORD', 'RESET_REQUIRED', 'UNCONFIRMED'];

/** Second factors that no call gives or takes. */
const SECRET_FACTORS = ['SOFTWARE_TOKEN_MFA', 'WEB_AUTHN_MFA'];
const RESTORABLE_FACTORS: readonly string[] = ['SMS_MFA', 'EMAIL_OTP'] satisfies RestorableMfa[];

/** The user of the target that a user of the snapshot is; null if the target lacks it. */
export function findPresent(user: SourceUser, target: TargetState): TargetUser | null {
  const named = target.user(user.username);
  if (named !== null || target.pool.usernameAttributes.length === 0) return named;
  const address = signInAddress(user, target.pool);
  const owner = address === null ? null : target.ownerOf(target.fold(address));
  return owner === null ? null : target.user(owner);
}

/** Compares a user of the snapshot with the target. */
export function compareUser(
  user: SourceUser,
  target: TargetState,
  rules: UserRules,
): UserComparison {
  const present = findPresent(user, target);
  return present === null
    ? compareMissing(user, target, rules)
    : comparePresent(user, present, target, rules);
}

function compareMissing(user: SourceUser, target: TargetState, rules: UserRules): UserComparison {
  const { username, sub, status, enabled } = user;
  const isLost = (reason: LossReason, detail: string | null = null): UserComparison => ({
    task: null,
    present: null,
    comesBack: false,
    losses: [{ entity: 'user', name: username, reason, whole: true, detail }],
  });
  if (status === 'EXTERNAL_PROVIDER') return isLost('federated-profile');
  if (status === 'UNCONFIRMED') return isLost('unconfirmed');
  const hasNames = target.pool.usernameAttributes.length === 0;
  const signInName = hasNames ? username : signInAddress(user, target.pool);
  if (signInName === null) return isLost('no-address');
  const { attributes, losses: left } = attributesToCreate(user, target.pool, rules.omitted);
  const required = left.find(({ reason }) => reason === 'attribute-required');
  if (required !== undefined) return isLost('attribute-required', required.name);
  const aliases = target.aliasesOf(new Map(Object.entries(attributes)));
  const isTaken = [...aliases, target.fold(signInName)].some(
    (alias) => target.ownerOf(alias) !== null,
  );
  if (isTaken) return isLost('alias-conflict');
  target.reserve(aliases, username);
  // Another user of the snapshot may have the same name in another case.
  if (!target.pool.caseSensitive) target.reserve([target.fold(signInName)], username);
  const losses = new Losses(username);
  for (const { reason, name } of left) losses.add(reason, name);
  const next = rules.password === 'random' ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD';
  if (status !== next) losses.add('status', status);
  const mfa = readMfa(user, target, losses);
  const task: CreateUserTask = {
    entity: 'user',
    action: 'create',
    username,
    sub,
    signInName,
    attributes,
    enabled,
    mfa,
  };
  return { task, present: null, comesBack: true, losses: losses.all };
}

function comparePresent(
  user: SourceUser,
  present: TargetUser,
  target: TargetState,
  rules: UserRules,
): UserComparison {
  const { username, sub } = user;
  const losses = new Losses(username);
  const other = findOther(user, present, target, rules);
  if (other !== null) {
    losses.add(other, null, true);
    return { task: null, present, comesBack: false, losses: losses.all };
  }
  const wanted = sub === present.sub ? { ...user, sub: null } : user;
  const { attributes, losses: left } = attributesToChange(
    wanted,
    present.attributes,
    target.pool,
    rules.omitted,
  );
  const writable = withoutTakenAliases(attributes, present, target, losses);
  for (const { reason, name } of left) losses.add(reason, name);
  const isUnfinished = rules.isUnfinished(username);
  const needsPassword =
    rules.password === 'random' &&
    WAITING.includes(present.status ?? '') &&
    (isUnfinished || user.status === 'CONFIRMED');
  if (user.status !== (needsPassword ? 'CONFIRMED' : present.status)) {
    losses.add('status', user.status);
  }
  const task: UpdateUserTask = {
    entity: 'user',
    action: 'update',
    username,
    sub,
    target: { username: present.username, sub: present.sub },
    attributes: writable,
    enabled: user.enabled === present.enabled ? null : user.enabled,
    password: needsPassword,
    mfa: isUnfinished ? readMfa(user, target, losses) : null,
  };
  // A user whose creation was interrupted gets a task even if nothing is left to write: the journal must
  // note that it is complete. Otherwise a later run would take a password that was reset for missing.
  const isEqual =
    !isUnfinished && Object.keys(writable).length === 0 && task.enabled === null && !task.password;
  return { task: isEqual ? null : task, present, comesBack: true, losses: losses.all };
}

/**
 * Why a user of the target with this name or address is another person than that of the snapshot; null if
 * it is the same. To be asked once for each user of the snapshot.
 */
export function findOther(
  user: SourceUser,
  present: TargetUser,
  target: TargetState,
  rules: UserRules,
): 'replaced' | 'alias-conflict' | null {
  if (isReplaced(user, present, target, rules)) return 'replaced';
  return target.claim(present.username) ? null : 'alias-conflict';
}

/** True if the name belongs to another person now, unless an earlier restore made that user. */
function isReplaced(
  user: SourceUser,
  present: TargetUser,
  { pool }: TargetState,
  rules: UserRules,
): boolean {
  const { username, sub } = user;
  if (!rules.samePool || sub === null || sub === present.sub) return false;
  if (present.attributes.get(PREVIOUS_SUB) === sub || rules.isRestored(present.sub ?? '')) {
    return false;
  }
  if (!rules.isUnfinished(username)) return true;
  // A run that was killed did not note the `sub`. What it created is as the snapshot has it.
  const { attributes } = attributesToChange(user, present.attributes, pool, rules.omitted);
  return Object.keys(attributes).length > 0;
}

/**
 * The address by which a user signs in where addresses are usernames. E-mail comes first. Null if there is
 * none, or privacy rules hide it.
 */
export function signInAddress(
  { attributes }: SourceUser,
  { usernameAttributes }: TargetPool,
): string | null {
  for (const name of ['email', 'phone_number']) {
    const address = attributes.get(name) ?? '';
    if (!usernameAttributes.includes(name) || address === '' || isHashed(address)) continue;
    return encodeName(address);
  }
  return null;
}

/** Leaves out what would take an alias from another user: the service would refuse all of the request. */
function withoutTakenAliases(
  attributes: Readonly<Record<string, string>>,
  { username, attributes: present }: TargetUser,
  target: TargetState,
  losses: Losses,
): Readonly<Record<string, string>> {
  const changes = new Map(Object.entries(attributes));
  for (const name of ['email', 'phone_number', 'preferred_username']) {
    const flag = `${name}_verified`;
    if (!changes.has(name) && !changes.has(flag)) continue;
    const merged = new Map([...present, ...changes]);
    const own = new Map([name, flag].map((each) => [each, merged.get(each) ?? '']));
    const [alias] = target.aliasesOf(own);
    const owner = alias === undefined ? null : target.ownerOf(alias);
    if (alias === undefined) continue;
    if (owner === null || owner === username) {
      target.reserve([alias], username);
      continue;
    }
    changes.delete(name);
    changes.delete(flag);
    losses.add('alias-conflict', name);
  }
  return Object.fromEntries(changes);
}

/** The second factors that can be set. The others are lost. */
function readMfa(
  { mfaSettings, preferredMfa }: SourceUser,
  { pool: { mfaConfiguration } }: TargetState,
  losses: Losses,
): RestoreMfa | null {
  if (mfaSettings.some((each) => SECRET_FACTORS.includes(each))) losses.add('totp');
  const settings = mfaSettings.filter(isRestorable);
  if (settings.length === 0) return null;
  if (mfaConfiguration === 'OFF') {
    losses.add('mfa-off');
    return null;
  }
  const isPreferred = preferredMfa !== null && isRestorable(preferredMfa);
  return { settings, preferred: isPreferred ? preferredMfa : null };
}

function isRestorable(factor: string): factor is RestorableMfa {
  return RESTORABLE_FACTORS.includes(factor);
}

/** The losses of one user. */
class Losses {
  readonly all: Loss[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  add(reason: LossReason, detail: string | null = null, whole = false): void {
    this.all.push({ entity: 'user', name: this.#name, reason, whole, detail });
  }
}
