import { Message } from '../../report/text.tsx';
import type { Status } from '../../runner/status.ts';
import { discardPath, releasePath, snapshotPath } from '../paths.ts';
import type { Right } from '../session.ts';

interface HeldProps {
  readonly status: Status;
  readonly right: Right;
}

/** The snapshots that wait for a person. Nothing if there are none. */
export function HeldSnapshots({ status, right }: HeldProps) {
  const held = status.snapshots.filter(({ state }) => state === 'held');
  if (held.length === 0) return null;
  return (
    <>
      <h2>Held for review</h2>
      {held.map(({ poolId, snapshot, reason }) => (
        <div class="card held">
          <h3>
            {poolId} <a href={snapshotPath(poolId, snapshot)}>{snapshot}</a>
          </h3>
          <p>{reason === null ? 'No reason was recorded.' : <Message value={reason} />}</p>
          <p class="quiet">
            It is not published: what readers see has not changed. The next run of the pool discards
            it and reads the pool again.
          </p>
          <p class="actions">
            {right === 'act' ? (
              <>
                <a class="button" href={releasePath(poolId, snapshot)}>
                  Release…
                </a>
                <a class="button second" href={discardPath(poolId, snapshot)}>
                  Discard…
                </a>
              </>
            ) : (
              <a href={releasePath(poolId, snapshot)}>What it would change</a>
            )}
          </p>
        </div>
      ))}
    </>
  );
}
