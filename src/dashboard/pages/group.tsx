import type { Context, Hono } from 'hono';
import { formatCount } from '../../common/text.ts';
import { Table } from '../../report/table.tsx';
import { Status, Time } from '../../report/text.tsx';
import type { DashboardDeps } from '../deps.ts';
import { respondWithProblem } from '../errors.tsx';
import { NextPage } from '../forms.tsx';
import { Page, renderPage } from '../layout.tsx';
import { logMembers } from '../log-looks.ts';
import { poolPath } from '../paths.ts';
import { EMAIL, NAME } from '../people/person-columns.tsx';
import { type GroupDetails, GroupReader, MEMBERS_PER_PAGE } from '../people/read-group.ts';
import { refuseView } from '../people/refuse-view.ts';
import { Enabled, Role, StoredName, UserLink, Value } from '../people/values.tsx';
import type { SealedNames } from '../sealed-names.ts';
import type { DashboardEnv, Session } from '../session.ts';

const UNKNOWN =
  'No group is known by this address at this time. Choose another time, or come from the page of its pool: a changed token changes addresses.';

/**
 * The page of a group at any date, for those who may see people: names and descriptions of groups can
 * tell who somebody is. Pages of members are asked for by POST: where one ends is a username.
 */
export function addGroup(app: Hono<DashboardEnv>, deps: DashboardDeps, names: SealedNames): void {
  const reader = new GroupReader(deps.db);
  app.on(['GET', 'POST'], '/pools/:pool/groups/:group', async (context) => {
    const refused = refuseView(context);
    if (refused !== null) return refused;
    const session = context.get('session');
    const { pool: poolId, group } = context.req.param();
    const at = context.req.query('at') || 'latest';
    const groupName = names.openGroup(poolId, group);
    const after = await readAfter(context);
    const details = groupName === null ? null : await reader.read(poolId, { groupName, at, after });
    if (details === null) return respondWithProblem(context, 404, UNKNOWN);
    logMembers(deps.log, context, { poolId, people: details.members.length });
    return renderPage(
      context,
      <Page
        title="Group"
        heading={<StoredName value={details.group.groupName} />}
        session={session}
        trail={[{ title: poolId, path: poolPath(poolId) }]}
      >
        <Facts details={details} />
        <form method="get" action={context.req.path}>
          <div class="field">
            <label for="at">At the beginning of this day (UTC)</label>
            <input id="at" name="at" type="date" value={/^\d{4}-\d\d-\d\d$/.test(at) ? at : ''} />
          </div>
          <div class="actions">
            <button type="submit">Show this day</button>
            {at === 'latest' ? null : <a href={context.req.path}>Show now</a>}
          </div>
        </form>
        <Members
          {...{
            details,
            poolId,
            names,
            session,
            path: `${context.req.path}${at === 'latest' ? '' : `?at=${encodeURIComponent(at)}`}`,
          }}
        />
      </Page>,
    );
  });
}

async function readAfter(context: Context): Promise<string> {
  if (context.req.method !== 'POST') return '';
  const { after } = await context.req.parseBody();
  // Postgres holds no U+0000.
  return typeof after === 'string' ? after.replaceAll('\0', '') : '';
}

function Facts({ details }: { readonly details: GroupDetails }) {
  const { moment, group, counts, since } = details;
  return (
    <>
      <p>
        As of the snapshot of <Time at={moment.snapshotAt} />.
      </p>
      <dl class="facts">
        <dt>Description</dt>
        <dd>
          <Value value={group.description || null} />
        </dd>
        <dt>Role</dt>
        <dd>
          <Value value={group.roleArn} />
        </dd>
        <dt>Precedence</dt>
        <dd>{group.precedence ?? <span class="quiet">none: the lowest</span>}</dd>
        <dt>Members</dt>
        <dd>{formatCount(counts.members)}</dd>
        <dt>
          Joined, left since <Time at={since} />
        </dt>
        <dd>
          {formatCount(counts.joined)}, {formatCount(counts.left)}
        </dd>
      </dl>
    </>
  );
}

interface MembersProps {
  readonly details: GroupDetails;
  readonly poolId: string;
  readonly names: SealedNames;
  readonly session: Session;
  /** Where the next page is asked for. */
  readonly path: string;
}

function Members({ details, poolId, names, session, path }: MembersProps) {
  const { members, nextAfter } = details;
  if (members.length === 0) return <p class="none">No members.</p>;
  return (
    <>
      <h2>Members</h2>
      <Table
        isStacked
        caption={`Members by username, ${MEMBERS_PER_PAGE} on a page`}
        columns={[
          {
            title: 'Username',
            cell: (member) => <UserLink poolId={poolId} user={member} names={names} />,
          },
          EMAIL,
          NAME,
          {
            title: 'Status',
            cell: ({ status, enabled }) => (
              <>
                <Status value={status} /> <Enabled value={enabled} />
              </>
            ),
          },
          { title: 'Member since', cell: ({ memberSince }) => <Time at={memberSince} /> },
          { title: 'Effective role', cell: ({ role }) => <Role role={role} /> },
        ]}
        rows={members}
      />
      {nextAfter === null ? null : (
        <NextPage
          session={session}
          action={path}
          asked={{ after: nextAfter }}
          label="Next members"
        />
      )}
    </>
  );
}
