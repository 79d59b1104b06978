import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AwsAccess } from '../aws/access.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { isPoolId } from '../model/pool-id.ts';
import type { Database } from '../postgres/database.ts';
import { ask } from '../postgres/history/ask.ts';
import { postgresSource } from '../postgres/history/source.ts';
import type { RestoreSource } from '../restore/prepare.ts';
import { askDestination } from './ask-copy.ts';
import { openCopy } from './open-copy.ts';

/** A snapshot that a text names, and where it is. */
export interface NamedSnapshot {
  readonly source: RestoreSource;
  /** A snapshot id, a time, `latest` or `previous`. */
  readonly point: string;
  /** The database that it is in; null for an archive. */
  readonly database: Database | null;
}

/** What finding a snapshot needs. */
export interface SourceContext {
  readonly access: AwsAccess;
  /** Runs `work` with the database of the mirror, which must exist. */
  readonly withDatabase: <T>(work: (database: Database) => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
}

const MANIFEST = /^(?:(.*)\/)?manifests\/pool_id=([^/]+)\/([^/]+)\.json$/;

/**
 * Runs `work` with the snapshot that a text names: `POOL/POINT` in the database, or the path or URL of a
 * manifest in an archive, which needs no database.
 *
 * @throws ActionRequiredError if the text has another form
 */
export async function withNamedSnapshot<T>(
  from: string,
  { access, withDatabase, signal }: SourceContext,
  work: (named: NamedSnapshot) => Promise<T>,
): Promise<T> {
  const manifest = parseManifest(from);
  if (manifest !== null) {
    const { url, poolId, snapshot } = manifest;
    const destination = await openCopy(url, access);
    const askArchive: RestoreSource['ask'] = (answer) =>
      askDestination(destination, poolId, answer, signal);
    const source = { poolId, archive: url, ask: askArchive };
    return work({ source, point: snapshot, database: null });
  }
  const [poolId = '', point = '', ...more] = from.split('/');
  if (isPoolId(poolId) && point !== '' && more.length === 0) {
    return withDatabase((database) => {
      const askDatabase: RestoreSource['ask'] = (answer) =>
        ask(database, poolId, (asking) => answer(postgresSource(asking)), signal);
      const source = { poolId, archive: null, ask: askDatabase };
      return work({ source, point, database });
    });
  }
  throw ActionRequiredError.of(
    '--from',
    'is neither POOL/SNAPSHOT nor the path or URL of a manifest.',
    'Give one such as us-east-1_Ab12Cd34/latest, us-east-1_Ab12Cd34/20261120T020000Z or ' +
      's3://my-bucket/cognito/manifests/pool_id=us-east-1_Ab12Cd34/20261120T020000Z.json.',
  );
}

/** The archive, the pool and the snapshot of a manifest; null if the text names none. */
function parseManifest(
  from: string,
): { readonly url: string; readonly poolId: string; readonly snapshot: string } | null {
  const [matched, root = '', poolId = '', snapshot = ''] = MANIFEST.exec(from) ?? [];
  if (matched === undefined || !isPoolId(poolId)) return null;
  const isUrl = /^[a-z][a-z0-9]*:\/\//.test(from);
  // An absolute path of the root itself has nothing before its first slash.
  const folder = root === '' && from.startsWith('/') ? '/' : root;
  const url = isUrl ? root : pathToFileURL(resolve(folder)).href;
  return { url, poolId, snapshot };
}
