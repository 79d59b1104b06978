import { formatCommand } from '../../common/command.ts';
import { formatCount } from '../../common/text.ts';
import { List } from '../list.tsx';
import type { Report, RoleGroup } from '../report.ts';
import { Moved, Text } from '../text.tsx';

/** Groups that carry a role, and who came and went. */
export function RolesSection({ report }: { readonly report: Report }) {
  const { poolId, to, roles } = report;
  const command = formatCommand(['access', poolId, 'GROUP', '--at', to.snapshot]);
  return (
    <section>
      <h2 id="roles">Groups that carry a role</h2>
      <p>
        Members of these groups can get the AWS credentials of an IAM role. <code>{command}</code>{' '}
        lists all members of one. Groups in which somebody came or went are first.
      </p>
      <List
        noun="group"
        list={roles}
        columns={[
          { title: 'Group and role', cell: (group) => <Role group={group} /> },
          { title: 'Members', isNumber: true, cell: formatMembers },
          { title: 'Who came and went', cell: (group) => <Moves group={group} /> },
        ]}
        all="make the page with a larger --limit."
      />
    </section>
  );
}

function Role({ group: { groupName, before, after } }: { readonly group: RoleGroup }) {
  const [old, now] = [before?.roleArn ?? null, after?.roleArn ?? null];
  const precedence = (after ?? before)?.precedence ?? null;
  return (
    <>
      <Text value={groupName} />
      {now === null ? null : (
        <small>
          <Text value={now} />
        </small>
      )}
      {old === now ? null : (
        <small>
          {old === null ? (
            'no role before'
          ) : (
            <>
              role before: <Text value={old} />
            </>
          )}
        </small>
      )}
      <small>
        {after === null
          ? 'deleted'
          : precedence === null
            ? 'no precedence'
            : `precedence ${precedence}`}
        {before === null ? ', new' : ''}
      </small>
    </>
  );
}

function formatMembers({ before, after }: RoleGroup): string {
  const [old, now] = [before, after].map((state) => formatCount(state?.members ?? 0));
  return old === now ? `${now}` : `${old} → ${now}`;
}

function Moves({ group: { joined, left } }: { readonly group: RoleGroup }) {
  if (joined.total + left.total === 0) return <span class="quiet">none</span>;
  return (
    <ul class="plain">
      <Moved verb="left" names={left} />
      <Moved verb="joined" names={joined} />
    </ul>
  );
}
