import type { Destination, StoredVersion } from '../archive/destination.ts';
import { manifestsPrefix } from '../archive/layout.ts';
import { isStored } from '../archive/read-object.ts';
import type { ObjectProblem } from './check-object.ts';
import type { Finding, FindingCode } from './findings.ts';
import { type ListedPool, parseDocumentKey } from './list-archive.ts';
import { isInRange, type Selection } from './select.ts';

/** What a current object shows if another version was put over the sealed one. */
const REPLACED: readonly FindingCode[] = ['missing', 'altered', 'truncated', 'appended'];

/** What was sealed. The size of a manifest is known from nowhere. */
interface Sealed {
  readonly key: string;
  readonly bytes?: number;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** Looks for the sealed version of an object behind its current one. */
export class VersionFinder {
  /** True if versions could not be looked at: that needs a right of its own. */
  isDenied = false;
  readonly #destination: Destination;
  readonly #signal: AbortSignal;

  constructor(destination: Destination, signal: AbortSignal) {
    this.#destination = destination;
    this.#signal = signal;
  }

  /** Explains the problem of an object by another version that was put over the sealed one, if so. */
  async explain(sealed: Sealed, problem: ObjectProblem): Promise<ObjectProblem> {
    if (!REPLACED.includes(problem.code)) return problem;
    return (await this.findReplaced(sealed)) ?? problem;
  }

  /** Null if no older version has the sealed bytes. */
  async findReplaced({ key, bytes, sha256 }: Sealed): Promise<ObjectProblem | null> {
    const versions = (await this.#list(key)).filter((each) => each.key === key);
    const [latest] = versions.filter(({ isLatest }) => isLatest);
    // The oldest first: what was put over the sealed one is newer.
    for (const version of versions.toReversed()) {
      const size = version.bytes;
      if (version.isLatest || size === null || size !== (bytes ?? size)) continue;
      const candidate = { key, bytes: size, sha256 };
      if (!(await isStored(this.#destination, candidate, this.#signal, version.versionId))) {
        continue;
      }
      return { code: 'replaced-version', detail: describe(version, latest) };
    }
    return null;
  }

  /** Finds documents of a pool that a delete marker hides: they are never deleted. */
  async findHidden({
    poolId,
    from,
    to,
  }: Pick<ListedPool, 'poolId'> & Pick<Selection, 'from' | 'to'>): Promise<Finding[]> {
    const prefix = manifestsPrefix(poolId);
    const versions = await this.#list(prefix);
    return versions.flatMap((marker): Finding[] => {
      const { key } = marker;
      const document = parseDocumentKey(poolId, key);
      const isHidden = marker.isLatest && marker.bytes === null;
      const hidden = versions.find((each) => each.key === key && each.bytes !== null);
      if (!isHidden || hidden === undefined || document === null) return [];
      if (!isInRange(document.at, { from, to })) return [];
      const { snapshot } = document;
      return [{ code: 'replaced-version', key, snapshot, detail: describe(hidden, marker) }];
    });
  }

  async #list(prefix: string): Promise<readonly StoredVersion[]> {
    if (this.isDenied) return [];
    const versions = await this.#destination.listVersions(prefix, this.#signal);
    if (versions === null) this.isDenied = true;
    return versions ?? [];
  }
}

function describe(sealed: StoredVersion, latest: StoredVersion | undefined): string {
  const of = ({ storedAt }: StoredVersion) => (storedAt ? ` of ${storedAt.toISOString()}` : '');
  const what = latest?.bytes === null ? 'A delete marker' : 'Another version';
  const over = latest === undefined ? 'Another version' : `${what}${of(latest)}`;
  return `${over} hides the version ${sealed.versionId}${of(sealed)}, which is still there.`;
}
