import type { FieldValue } from '../../history/changes.ts';
import type { EffectiveRole } from '../../history/effective-role.ts';
import type { Period, Profile } from '../../model/history.ts';
import { decodeName } from '../../model/storable.ts';
import { isHashed } from '../../privacy/hash-key.ts';
import { Text, Time } from '../../report/text.tsx';
import { userPath } from '../paths.ts';
import type { SealedNames } from '../sealed-names.ts';

/** A username or the name of a group, as the service has it. */
export function StoredName({ value }: { readonly value: string }) {
  return <Text value={decodeName(value)} isWhole />;
}

interface UserLinkProps {
  readonly poolId: string;
  readonly user: Profile;
  readonly names: SealedNames;
}

/** A username that leads to the page of its user. */
export function UserLink({ poolId, user, names }: UserLinkProps) {
  return (
    <a href={userPath(poolId, names.sealUser(poolId, user))}>
      <StoredName value={user.username} />
    </a>
  );
}

/** Says that a user may not sign in. Nothing for the others. */
export function Enabled({ value }: { readonly value: boolean | null }) {
  if (value !== false) return null;
  return <span class="bad">disabled</span>;
}

/** A value of a column or an attribute. A hash is named as such. */
export function Value({ value }: { readonly value: FieldValue | undefined }) {
  if (value === null || value === undefined) return <span class="quiet">none</span>;
  if (typeof value !== 'string') return <Text value={JSON.stringify(value)} isWhole />;
  if (value === '') return <span class="quiet">empty</span>;
  return (
    <>
      <Text value={value} isWhole />
      {isHashed(value) ? <small> hashed by a privacy rule</small> : null}
    </>
  );
}

/** From one snapshot to another, or until now. */
export function PeriodText({ period: { validFrom, validTo } }: { readonly period: Period }) {
  return (
    <>
      <Time at={validFrom} /> to {validTo === null ? 'now' : <Time at={validTo} />}
    </>
  );
}

/** The role that a user gets through groups, and why there is none. */
export function Role({ role: { roleArn, groups } }: { readonly role: EffectiveRole }) {
  if (roleArn !== null) return <Text value={roleArn} isWhole />;
  if (groups.length === 0) return <span class="quiet">none</span>;
  return <span class="quiet">none: several groups tie</span>;
}
