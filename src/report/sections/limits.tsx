import type { Report } from '../report.ts';
import { Snapshot, Time } from '../text.tsx';

/** What the page cannot show. */
export function LimitsSection({
  report: { from, to, first, record },
}: {
  readonly report: Report;
}) {
  return (
    <section>
      <h2 id="limits">What this page cannot show</h2>
      <ul class="limits">
        <li>
          What happened between two snapshots. Somebody who was added to a group after one snapshot
          and removed before the next leaves no trace.
        </li>
        <li>
          Sign-ins. The service's lists do not have them, so "unchanged" means that no field of the
          user changed, and not whether anyone signed in.
        </li>
        <li>
          Passwords, passkeys, devices and sessions, and second factors where the MFA state of users
          is unknown.
        </li>
        <li>Who made a change, and why. AWS CloudTrail has the calls of administrators.</li>
        <li>
          What a role allows, and access that does not come from groups: policies of the role, rules
          of an identity pool, app clients, triggers that change tokens.
        </li>
        <li>
          The order of changes while the snapshot was read, from <Time at={record.snapshotAt} /> to{' '}
          <Time at={record.walkedAt} />. Who changed in between may appear as before or as after.
        </li>
        <li>
          What was before the first snapshot, <Snapshot moment={first} />.
        </li>
        <li>
          The numbers and lists of this page come from the mirror. The archive's check proves the
          later snapshot as it was sealed, and not the arithmetic of this page:{' '}
          <code>{from.snapshot}</code> and <code>{to.snapshot}</code> in the archive let anybody
          repeat it.
        </li>
      </ul>
    </section>
  );
}
