import { snapshotId } from '../../model/snapshot.ts';
import { QUESTION, readOnly } from '../session/read-only.ts';

/** A word that a shell can complete, with what it shows about it. */
export interface Completion {
  readonly word: string;
  readonly text: string;
}

/** What a shell can complete from the database. Nothing of a user is among it. */
export type CompletionKind = 'pools' | 'snapshots' | 'groups';

/** A shell cannot list more in a useful way. */
const MOST = 200;

/** The newest snapshots first. `held` comes before all others, as a person has to decide about it. */
const STATEMENTS: Readonly<Record<CompletionKind, string>> = {
  pools: `SELECT pool_id AS word, coalesce(name, '') AS text FROM directory.pools ORDER BY pool_id
    LIMIT ${MOST}`,
  snapshots: `SELECT snapshot_at AS at, state AS text FROM directory.snapshots WHERE pool_id = $1
    AND state NOT IN ('failed', 'discarded')
    ORDER BY state = 'held' DESC, snapshot_at DESC LIMIT ${MOST}`,
  groups: `SELECT group_name AS word, '' AS text FROM directory.groups WHERE pool_id = $1
    ORDER BY group_name LIMIT ${MOST}`,
};

/** @param poolId the pool of snapshots and groups */
export function readCompletions(
  url: string,
  kind: CompletionKind,
  poolId: string,
  signal: AbortSignal,
): Promise<Completion[]> {
  const values = kind === 'pools' ? [] : [poolId];
  return readOnly(
    url,
    { ...QUESTION, name: 'cognito-mirror completion' },
    async (db) => {
      const { rows } = await db.query<{ word?: string; at?: Date; text: string }>(
        STATEMENTS[kind],
        values,
      );
      return rows.map(({ word, at, text }) => ({ word: at ? snapshotId(at) : (word ?? ''), text }));
    },
    signal,
  );
}
