import { formatCount } from '../../common/text.ts';
import type { FieldChange, GroupChange, UserChange } from '../../history/changes.ts';
import { decodeName } from '../../model/storable.ts';
import type { SnapshotRow } from '../../postgres/store/snapshots.ts';
import { Table } from '../../report/table.tsx';
import { MovedGroups, ShortValue, Text } from '../../report/text.tsx';
import { Choice, Form, NextPage, SearchField } from '../forms.tsx';
import { groupPath, snapshotPath, userPath } from '../paths.ts';
import type { SealedNames } from '../sealed-names.ts';
import type { Session } from '../session.ts';
import {
  CHANGE_FILTERS,
  type ChangeFilter,
  type ChangesAsked,
  type ChangesPage,
  type MembershipChanges,
} from './read-changes.ts';

interface CountsProps {
  readonly row: SnapshotRow;
  readonly memberships: MembershipChanges;
}

/** How much a snapshot changed. */
export function ChangeCounts({ row, memberships }: CountsProps) {
  const facts: [string, number][] = [
    ['Users added', row.added ?? 0],
    ['Users modified', row.modified ?? 0],
    ['Users removed', row.removed ?? 0],
    ['Memberships that began', memberships.joined],
    ['Memberships that ended', memberships.left],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, count]) => (
        <>
          <dt>{name}</dt>
          <dd>{formatCount(count)}</dd>
        </>
      ))}
    </dl>
  );
}

const FILTERS: Readonly<Record<ChangeFilter, string>> = {
  all: 'All users that changed',
  added: 'Users that were added',
  removed: 'Users that were removed',
  modified: 'Users that were modified',
  groups: 'Groups that changed',
};

interface ListProps {
  readonly row: SnapshotRow;
  readonly asked: ChangesAsked;
  readonly page: ChangesPage;
  readonly names: SealedNames;
  readonly session: Session;
}

/** The changes one by one, with a search. What is searched is sent by POST, so that it is in no URL. */
export function ChangeList(props: ListProps) {
  const { row, asked, page, session } = props;
  const path = `${snapshotPath(row.poolId, row.snapshot)}#changes`;
  const { users, groups, next } = page;
  return (
    <>
      <ChangeSearch asked={asked} session={session} path={path} />
      {users.length + groups.length === 0 ? (
        <p class="none">Nothing that matches.</p>
      ) : (
        <ChangesTable {...props} />
      )}
      {next === null ? null : (
        <NextPage
          session={session}
          action={path}
          asked={{ filter: asked.filter, text: asked.text, after: next }}
          label="Next changes"
        />
      )}
    </>
  );
}

interface SearchProps {
  readonly asked: ChangesAsked;
  readonly session: Session;
  readonly path: string;
}

function ChangeSearch({ asked, session, path }: SearchProps) {
  return (
    <Form session={session} action={path} class="search">
      <Choice
        name="filter"
        label="Show"
        value={asked.filter}
        options={CHANGE_FILTERS.map((each) => [each, FILTERS[each]])}
      />
      <SearchField
        label="Who"
        value={asked.text}
        hint="The beginning of a username, or a whole e-mail address or sub. Empty for all."
      />
      <div class="actions">
        <button type="submit">Show</button>
      </div>
    </Form>
  );
}

function ChangesTable({ row: { poolId }, page: { users, groups }, names }: ListProps) {
  const rows = [
    ...users.map((change) => ({
      change,
      name: change.username,
      path: userPath(poolId, names.sealUser(poolId, change)),
    })),
    ...groups.map((change) => ({
      change,
      name: change.groupName,
      path: groupPath(poolId, names.sealGroup(poolId, change.groupName)),
    })),
  ];
  return (
    <Table
      isStacked
      caption={groups.length > 0 ? 'Groups by name' : 'Users by username'}
      columns={[
        {
          title: groups.length > 0 ? 'Group' : 'User',
          cell: ({ name, path }) => (
            <a href={path}>
              <Text value={decodeName(name)} />
            </a>
          ),
        },
        { title: 'Change', cell: ({ change }) => change.kind },
        {
          title: 'What changed',
          cell: ({ change }) => (
            <ul class="plain">
              <Fields change={change} />
              {change.entity === 'user' ? <MovedGroups groups={change.groups} /> : null}
            </ul>
          ),
        },
      ]}
      rows={rows}
    />
  );
}

/** The fields that differ. Those of an added or removed user or group are on its own page. */
function Fields({ change: { kind, fields } }: { readonly change: UserChange | GroupChange }) {
  if (kind === 'added' || kind === 'removed') return null;
  return (
    <>
      {Object.entries(fields).map(([name, field]) => (
        <li>
          <span class="quiet">
            <Text value={name} />:
          </span>{' '}
          <Values field={field} />
        </li>
      ))}
    </>
  );
}

function Values({ field: { from = null, to = null } }: { readonly field: FieldChange }) {
  return (
    <>
      <ShortValue value={from} /> <span aria-hidden="true">→</span>
      <span class="hidden">became</span> <ShortValue value={to} />
    </>
  );
}
