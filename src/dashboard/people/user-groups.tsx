import { formatCount } from '../../common/text.ts';
import { type Column, Table } from '../../report/table.tsx';
import { Text, Time } from '../../report/text.tsx';
import { groupPath, userPath } from '../paths.ts';
import type { SealedNames } from '../sealed-names.ts';
import type { UserDetails } from './read-user.ts';
import { PeriodText, StoredName, UserLink } from './values.tsx';

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
  const groupColumn: Column<{ readonly groupName: string }> = {
    title: 'Group',
    cell: ({ groupName }) => (
      <a href={groupPath(poolId, names.sealGroup(poolId, groupName))}>
        <StoredName value={groupName} />
      </a>
    ),
  };
  return (
    <>
      <h2>Groups</h2>
      {groups.length === 0 ? (
        <p class="none">{last.validTo === null ? 'None.' : 'None: the user is gone.'}</p>
      ) : (
        <Table
          isStacked
          caption="Groups now"
          columns={[
            groupColumn,
            { title: 'Since', cell: ({ memberSince }) => <Time at={memberSince} /> },
            { title: 'Precedence', cell: ({ precedence }) => precedence ?? 'none' },
            {
              title: 'Role',
              cell: ({ groupName, roleArn }) => (
                <>
                  {roleArn === null ? 'none' : <Text value={roleArn} isWhole />}
                  {deciding.has(groupName) ? <small>gives the effective role</small> : null}
                </>
              ),
            },
          ]}
          rows={groups}
        />
      )}
      {earlier.length === 0 ? null : (
        <Table
          isStacked
          caption={
            rest === 0
              ? 'Groups before'
              : `Groups before: the last ${MOST_EARLIER} of ${formatCount(newestFirst.length)}`
          }
          columns={[
            groupColumn,
            { title: 'Member', cell: (period) => <PeriodText period={period} /> },
          ]}
          rows={earlier}
        />
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
                <UserLink poolId={poolId} user={profile} names={names} />{' '}
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
