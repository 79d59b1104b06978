import { formatCount } from '../../common/text.ts';
import { List, User } from '../list.tsx';
import type { Report } from '../report.ts';
import { Names, Snapshot, Status, Text, Time } from '../text.tsx';

const ALL = 'make the page with a larger --limit.';

/** What deserves a look in the later snapshot. */
export function ConcernsSection({ report }: { readonly report: Report }) {
  const { concerns, unchangedDays, to } = report;
  const { unconfirmed, disabledPrivileged, ties, duplicateEmails, ungrouped } = concerns;
  return (
    <section>
      <h2 id="concerns">What deserves a look</h2>
      <p>
        In the snapshot of <Snapshot moment={to} />. An entry is a question to ask, not a fault.
      </p>
      <List
        title="Disabled, and in a group with a role"
        noun="user"
        list={disabledPrivileged}
        columns={[
          { title: 'User', cell: (user) => <User user={user} /> },
          { title: 'Status', cell: ({ status }) => <Status value={status} /> },
          { title: 'Groups with a role', cell: ({ groupNames }) => <Names values={groupNames} /> },
        ]}
        all={ALL}
      >
        <p class="quiet">They cannot sign in. Enabled again, they have the role at once.</p>
      </List>
      <List
        title="No effective role, because groups tie"
        noun="user"
        list={ties}
        columns={[
          { title: 'User', cell: (user) => <User user={user} /> },
          {
            title: 'Groups that tie',
            cell: ({ groups }) => (
              <ul class="plain">
                {groups.map(({ groupName, roleArn }) => (
                  <li>
                    <Text value={groupName} />: <Text value={roleArn} />
                  </li>
                ))}
              </ul>
            ),
          },
        ]}
        all={ALL}
      >
        <p class="quiet">
          These groups share the lowest precedence value of the user and carry different roles. The
          service then gives none of them.
        </p>
      </List>
      <List
        title={`Unconfirmed, and unchanged for ${formatCount(unchangedDays)} days`}
        noun="user"
        list={unconfirmed}
        columns={[
          { title: 'User', cell: (user) => <User user={user} /> },
          { title: 'Unchanged since', cell: ({ unchangedSince }) => <Time at={unchangedSince} /> },
        ]}
        all={ALL}
      >
        <p class="quiet">They signed up and never confirmed it.</p>
      </List>
      <List
        title="Verified e-mail addresses of several users"
        noun="address"
        list={duplicateEmails}
        columns={[
          { title: 'Address', cell: ({ email }) => <Text value={email} /> },
          { title: 'Users', isNumber: true, cell: ({ usernames }) => formatCount(usernames.total) },
          {
            title: 'Usernames',
            cell: ({ usernames: { shown, total } }) => (
              <>
                <Names values={shown} />
                {total > shown.length ? ', …' : ''}
              </>
            ),
          },
        ]}
        all={ALL}
      >
        <p class="quiet">One person with several accounts, or an address that changed hands.</p>
      </List>
      <List
        title="In no group"
        noun="user"
        list={ungrouped}
        columns={[
          { title: 'User', cell: (user) => <User user={user} /> },
          { title: 'Status', cell: ({ status }) => <Status value={status} /> },
        ]}
        all={ALL}
      />
    </section>
  );
}
