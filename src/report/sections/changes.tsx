import { formatCommand } from '../../common/command.ts';
import { counted, formatCount } from '../../common/text.ts';
import type { Change, FieldChange, UserChange } from '../../history/changes.ts';
import { List, User } from '../list.tsx';
import type { Report } from '../report.ts';
import type { Column } from '../table.tsx';
import { MovedGroups, Names, ShortValue, Status, Text } from '../text.tsx';

/** Who came and went, and what changed. */
export function ChangesSection({ report }: { readonly report: Report }) {
  const { summary, users, groups, settings, poolId, from, to } = report;
  const all = (only: string) => (
    <>
      <code>{formatCommand(['diff', poolId, from.snapshot, to.snapshot, '--only', only])}</code>{' '}
      lists all.
    </>
  );
  const { added, removed, modified } = summary.groups;
  return (
    <section>
      <h2 id="changes">What changed</h2>
      <p>
        {counted(summary.users.added, 'user')} joined, {formatCount(summary.users.removed)} left,{' '}
        {formatCount(summary.users.modified)} changed.{' '}
        {counted(summary.memberships.added, 'membership')} of groups began,{' '}
        {formatCount(summary.memberships.removed)} ended.
      </p>
      <List
        title="Joiners"
        noun="user"
        list={{ total: summary.users.added, shown: users.added }}
        columns={[
          { title: 'User', cell: (change) => <Person change={change} side="to" /> },
          {
            title: 'Status',
            cell: (change) => <Status value={readText(change, 'status', 'to')} />,
          },
          { title: 'Groups', cell: (change) => <Names values={change.groups.added} /> },
        ]}
        all={all('users,added')}
      />
      <List
        title="Leavers"
        noun="user"
        list={{ total: summary.users.removed, shown: users.removed }}
        columns={[
          { title: 'User', cell: (change) => <Person change={change} side="from" /> },
          {
            title: 'Status before',
            cell: (change) => <Status value={readText(change, 'status', 'from')} />,
          },
          { title: 'Groups before', cell: (change) => <Names values={change.groups.removed} /> },
        ]}
        all={all('users,removed')}
      />
      {summary.users.replaced > 0 ? (
        <List
          title="Names that another person has now"
          noun="user"
          list={{ total: summary.users.replaced, shown: users.replaced }}
          columns={changedColumns('Username')}
          all={all('users,replaced')}
        >
          <p class="quiet">The username is the same, and its immutable id (sub) is not.</p>
        </List>
      ) : null}
      <List
        title="Changed users"
        noun="user"
        list={{ total: summary.users.modified, shown: users.modified }}
        columns={changedColumns('User')}
        all={all('users,modified')}
      />
      <List
        title="Groups that came, went or changed"
        noun="group"
        list={{ total: added + removed + modified, shown: groups }}
        columns={[{ title: 'Group', cell: ({ groupName }) => <Text value={groupName} /> }, DETAILS]}
        all={all('groups')}
      />
      {summary.settings === null ? (
        <p class="quiet">Only one of the two snapshots keeps settings, so they are not compared.</p>
      ) : null}
      {summary.settings ? (
        <List
          title="Settings that came, went or changed"
          noun="part"
          list={{
            total: summary.settings.added + summary.settings.removed + summary.settings.modified,
            shown: settings,
          }}
          columns={[{ title: 'Part', cell: ({ part }) => <Text value={part} /> }, DETAILS]}
          all={all('settings')}
        >
          <p class="quiet">Secrets are shown as keyed hashes.</p>
        </List>
      ) : null}
    </section>
  );
}

/** What differs, of any kind of change. */
const DETAILS: Column<Change> = {
  title: 'Changes',
  cell: (change) => <Details change={change} />,
};

/** Users by name, and what differs. */
function changedColumns(title: string): readonly Column<UserChange>[] {
  return [{ title, cell: ({ username }) => <Text value={username} /> }, DETAILS];
}

type Side = keyof FieldChange;

/** A field whose value is text. */
function readText({ fields }: Change, name: string, side: Side): string | null {
  const value = Object.hasOwn(fields, name) ? fields[name]?.[side] : null;
  return typeof value === 'string' ? value : null;
}

function Person({ change, side }: { readonly change: UserChange; readonly side: Side }) {
  const [name, email] = ['name', 'email'].map((field) => readText(change, field, side));
  return <User user={{ username: change.username, name: name ?? null, email: email ?? null }} />;
}

/** The most fields of one change. */
const MOST_FIELDS = 12;

/** What differs, a line for each field. */
function Details({ change }: { readonly change: Change }) {
  const fields = Object.entries(change.fields);
  const rest = fields.length - MOST_FIELDS;
  const groups = change.entity === 'user' ? change.groups : { added: [], removed: [] };
  return (
    <ul class="plain">
      {change.entity !== 'user' && change.kind !== 'modified' ? <li>{change.kind}</li> : null}
      {fields.slice(0, MOST_FIELDS).map(([name, { from = null, to = null }]) => (
        <li>
          <span class="quiet">
            <Text value={name} />
          </span>{' '}
          <ShortValue value={from} /> → <ShortValue value={to} />
        </li>
      ))}
      {rest > 0 ? <li class="quiet">and {counted(rest, 'more field')}</li> : null}
      <MovedGroups groups={groups} />
    </ul>
  );
}
