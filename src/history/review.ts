import { ActionRequiredError } from '../model/errors.ts';
import type {
  GroupThen,
  KnownHead,
  MembershipVersion,
  NamedMembership,
  ReviewedMembership,
} from '../model/history.ts';
import type { HistorySource } from '../model/history-source.ts';
import { snapshotId } from '../model/snapshot.ts';
import type { At } from './access.ts';
import { findPublished } from './points.ts';
import { ReviewDigest, type ReviewRow, toReviewFields } from './review-rows.ts';

/** What an access review covers. */
export interface Review extends At {
  /** The names of the groups, sorted. */
  readonly groups: readonly string[];
}

/** What a receipt says about the rows of an access review. */
export interface ReviewSummary extends Review {
  readonly rows: number;
  /** The hash of the rows by `ReviewDigest`. */
  readonly rowsSha256: string;
  /** The head of the pool's archive as the source knows it; null if nothing was archived. */
  readonly head: KnownHead | null;
}

/** Gets what the review covers, and its rows in batches, by the names of groups and users. */
export type UseReview = (
  review: Review,
  rows: AsyncIterable<readonly ReviewRow[]>,
) => Promise<void>;

/**
 * The memberships that somebody reviews.
 *
 * @param groupNames the groups; none stands for all of them
 * @param at a snapshot id, a time, `latest` or `previous`
 * @throws ActionRequiredError if a group did not exist then
 */
export async function reviewAccess(
  source: HistorySource,
  groupNames: readonly string[],
  at: string,
  use: UseReview,
): Promise<ReviewSummary> {
  const moment = await findPublished(source, 'AT', at);
  const { snapshot } = moment;
  const known = await source.listGroups(moment);
  const groups = new Map(selectGroups(known, groupNames, `${source.poolId}/${snapshot}`));
  const review = { poolId: source.poolId, snapshot, groups: [...groups.keys()] };
  const digest = new ReviewDigest();
  await use(
    review,
    digesting(source.streamMemberships(review.groups, moment), source.poolId, groups, digest),
  );
  const head = await source.findHead();
  return { ...review, rows: digest.rows, rowsSha256: digest.digest(), head };
}

function selectGroups(
  known: readonly GroupThen[],
  names: readonly string[],
  snapshot: string,
): [string, GroupThen][] {
  const problems = names.flatMap((name, index) =>
    known.some(({ groupName }) => groupName === name)
      ? []
      : [
          {
            subject: names.length === 1 ? 'GROUP' : `GROUP ${index + 1}`,
            problem: `${snapshot} has no group with this name.`,
            remedy: 'Give the name of a group in its exact case, or another time.',
          },
        ],
  );
  if (problems.length > 0) throw new ActionRequiredError(problems);
  return known
    .filter(({ groupName }) => names.length === 0 || names.includes(groupName))
    .map((group) => [group.groupName, group]);
}

async function* digesting(
  batches: AsyncIterable<readonly ReviewedMembership[]>,
  poolId: string,
  groups: ReadonlyMap<string, GroupThen>,
  digest: ReviewDigest,
): AsyncIterable<readonly ReviewRow[]> {
  for await (const memberships of batches) {
    const rows = memberships.map((membership) => ({
      ...membership,
      roleArn: groups.get(membership.groupName)?.roleArn ?? null,
    }));
    for (const row of rows) digest.add(toReviewFields(poolId, row));
    yield rows;
  }
}

/** What became of a revoked membership. */
export interface Revocation {
  /** `there` if the newest snapshot has it, `unknown` if the history never had it or was pruned. */
  readonly state: 'there' | 'gone' | 'unknown';
  /** The id of the first snapshot without it; null if there is none. */
  readonly goneSince: string | null;
  /** The id of the snapshot in which the person came back; null if that did not happen. */
  readonly backSince: string | null;
}

/** Gets the newest snapshot, and the memberships in batches with what became of them. */
export type UseRevocations<T> = (
  newest: At,
  batches: AsyncIterable<readonly (T & Revocation)[]>,
) => Promise<void>;

/**
 * Finds out what became of memberships that should be revoked. A name that another person has now is
 * another membership.
 *
 * @param batches memberships of `reviewAccess`. Leading apostrophes of names do not matter: `use` gets the
 *   names as the pool has them
 */
export async function checkRevocations<T extends NamedMembership>(
  source: HistorySource,
  batches: AsyncIterable<readonly T[]>,
  use: UseRevocations<T>,
): Promise<void> {
  const { snapshot } = await findPublished(source, 'POOL', 'latest');
  await use({ poolId: source.poolId, snapshot }, followBatches(source, batches));
}

/** Memberships that are followed together: an archive reads its snapshots once for them. */
const MOST_FOLLOWED = 10_000;

/** Joins batches, until one has at least `size` items. */
async function* regroup<T>(
  batches: AsyncIterable<readonly T[]>,
  size: number,
): AsyncIterable<readonly T[]> {
  let joined: T[] = [];
  for await (const batch of batches) {
    joined.push(...batch);
    if (joined.length < size) continue;
    yield joined;
    joined = [];
  }
  if (joined.length > 0) yield joined;
}

async function* followBatches<T extends NamedMembership>(
  source: HistorySource,
  batches: AsyncIterable<readonly T[]>,
): AsyncIterable<readonly (T & Revocation)[]> {
  for await (const memberships of regroup(batches, MOST_FOLLOWED)) {
    const versions = await source.findMembershipVersions(memberships);
    const chosen = chooseVersions(versions);
    yield memberships.map((membership, index) => {
      const version = chosen.get(index);
      if (version === undefined) return { ...membership, ...UNKNOWN };
      const { groupName, username } = version;
      return { ...membership, groupName, username, ...classify(version) };
    });
  }
}

const UNKNOWN: Revocation = { state: 'unknown', goneSince: null, backSince: null };

/** The version of each index. Of several that match, one that is still there counts. */
function chooseVersions(versions: readonly MembershipVersion[]): Map<number, MembershipVersion> {
  const chosen = new Map<number, MembershipVersion>();
  for (const version of versions) {
    const isThere = classify(version).state === 'there';
    if (isThere || !chosen.has(version.index)) chosen.set(version.index, version);
  }
  return chosen;
}

function classify({ validTo, backSince }: MembershipVersion): Revocation {
  const there = validTo === null || backSince !== null;
  return {
    state: there ? 'there' : 'gone',
    goneSince: validTo && snapshotId(validTo),
    backSince: backSince && snapshotId(backSince),
  };
}
