import { formatCount } from '../../common/text.ts';
import { Text, Time } from '../../report/text.tsx';
import { groupPath, userPath } from '../paths.ts';
import type { SealedNames } from '../sealed-names.ts';
import type { UserDetails } from './read-user.ts';
import { PeriodText, StoredName } from './values.tsx';

interface SectionProps {
  readonly details: UserDetails;
  readonly poolId: string;
  readonly names: SealedNames;
}

/** How many memberships that ended are shown. */
const MOST_EARLIER = 100;

/** The groups of a user, now and before. */
export function Memberships({ details, poolId, names }: SectionProps) {
  const { groups, role, last } = details;
  const deciding = new Set(role.roleArn === null ? [] : role.groups.map((each) => each.groupName));
  const newestFirst = [...details.earlier].sort((a, b) => Number(b.validTo) - Number(a.validTo));
  const earlier = newestFirst.slice(0, MOST_EARLIER);
  const rest = newestFirst.length - earlier.length;
  const group = (name: string) => (
    <a href={groupPath(poolId, names.sealGroup(poolId, name))}>
      <StoredName value={name} />
    </a>
  );
  return (
    <>
      <h2>Groups</h2>
      {groups.length === 0 ? (
        <p class="none">{last.validTo === null ? 'None.' : 'None: the user is gone.'}</p>
      ) : (
        <div class="table">
          <table class="stacked">
            <caption>Groups now</caption>
            <thead>
              <tr>
                <th scope="col">Group</th>
                <th scope="col">Since</th>
                <th scope="col">Precedence</th>
                <th scope="col">Role</th>
              </tr>
            </thead>
            <tbody>
              {groups.map(({ groupName, memberSince, precedence, roleArn }) => (
                <tr>
                  <th scope="row">{group(groupName)}</th>
                  <td data-title="Since">
                    <Time at={memberSince} />
                  </td>
                  <td data-title="Precedence">{precedence ?? 'none'}</td>
                  <td data-title="Role">
                    {roleArn === null ? 'none' : <Text value={roleArn} isWhole />}
                    {deciding.has(groupName) ? <small>gives the effective role</small> : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {earlier.length === 0 ? null : (
        <div class="table">
          <table class="stacked">
            <caption>
              {rest === 0
                ? 'Groups before'
                : `Groups before: the last ${MOST_EARLIER} of ${formatCount(newestFirst.length)}`}
            </caption>
            <thead>
              <tr>
                <th scope="col">Group</th>
                <th scope="col">Member</th>
              </tr>
            </thead>
            <tbody>
              {earlier.map((period) => (
                <tr>
                  <th scope="row">{group(period.groupName)}</th>
                  <td data-title="Member">
                    <PeriodText period={period} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

/** Linked profiles of the same person, and other persons of the same name. */
export function OtherProfiles({ details, poolId, names }: SectionProps) {
  const { linked, namesakes } = details;
  return (
    <>
      {linked.length === 0 ? null : (
        <>
          <h2>Linked profiles</h2>
          <ul>
            {linked.map((profile) => (
              <li>
                <a href={userPath(poolId, names.sealUser(poolId, profile))}>
                  <StoredName value={profile.username} />
                </a>{' '}
                <span class="quiet">
                  <PeriodText period={profile} />
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {namesakes.length === 0 ? null : (
        <>
          <h2>Other persons with this username</h2>
          <p>They have another sub, so they are other people. Nothing on this page is theirs.</p>
          <ul>
            {namesakes.map((profile) => (
              <li>
                <a href={userPath(poolId, names.sealUser(poolId, profile))}>
                  {profile.sub === null ? 'without a sub' : <Text value={profile.sub} isWhole />}
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
