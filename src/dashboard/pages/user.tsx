import type { Hono } from 'hono';
import { parseSnapshotId, snapshotId } from '../../model/snapshot.ts';
import type { DashboardDeps } from '../deps.ts';
import { respondWithProblem } from '../errors.tsx';
import { Page, renderPage } from '../layout.tsx';
import { logLook } from '../log-looks.ts';
import { peoplePath, poolPath } from '../paths.ts';
import { readUser } from '../people/read-user.ts';
import { refuseView } from '../people/refuse-view.ts';
import { Attributes, Facts } from '../people/user-facts.tsx';
import { Memberships, OtherProfiles } from '../people/user-groups.tsx';
import { Versions } from '../people/user-versions.tsx';
import { StoredName } from '../people/values.tsx';
import type { SealedNames } from '../sealed-names.ts';
import type { DashboardEnv } from '../session.ts';

const UNKNOWN =
  'No user has this address. The person was forgotten, the history of that time was pruned, or a token changed since: search again.';

/** The page of a user: the current state, or the last one of a user who is gone, and the history. */
export function addUser(app: Hono<DashboardEnv>, deps: DashboardDeps, names: SealedNames): void {
  app.get('/pools/:pool/users/:user', async (context) => {
    const refused = refuseView(context);
    if (refused !== null) return refused;
    const { pool: poolId, user } = context.req.param();
    const profile = names.openUser(poolId, user);
    const before = parseSnapshotId(context.req.query('before') ?? '');
    const details = profile && (await readUser(deps.db, poolId, profile, before));
    if (details === null) return respondWithProblem(context, 404, UNKNOWN);
    logLook(deps.log, context, { poolId, sub: details.profile.sub ?? '' });
    const trail = [
      { title: poolId, path: poolPath(poolId) },
      { title: 'People', path: peoplePath(poolId) },
    ];
    const session = context.get('session');
    return renderPage(
      context,
      <Page
        title="User"
        heading={<StoredName value={details.profile.username} />}
        session={session}
        trail={trail}
      >
        <Facts details={details} />
        <Attributes details={details} />
        <Memberships details={details} poolId={poolId} names={names} />
        <OtherProfiles details={details} poolId={poolId} names={names} />
        <Versions
          details={details}
          olderPath={
            details.nextBefore &&
            `${context.req.path}?before=${snapshotId(details.nextBefore)}#history`
          }
          newestPath={before === null ? null : `${context.req.path}#history`}
        />
      </Page>,
    );
  });
}
