import type pg from 'pg';
import { addSeconds } from '../../common/time.ts';
import { type EffectiveRole, findEffectiveRole } from '../../history/effective-role.ts';
import { findPublished } from '../../history/points.ts';
import type { GroupThen, MemberThen, Moment } from '../../model/history.ts';
import {
  countMembers,
  findHistoryStart,
  listMembersAfter,
  type MemberCounts,
} from '../../postgres/dashboard/group-members.ts';
import { type Asking, askPool } from '../../postgres/history/ask.ts';
import { postgresSource } from '../../postgres/history/source.ts';
import { Kept } from '../keep.ts';
import { STATEMENT_MS } from './search.ts';

/** How many members a page has. */
export const MEMBERS_PER_PAGE = 50;

/** How long joins and leaves are counted. */
export const COUNTED_DAYS = 30;

/** A group at a moment, with one page of its members. */
export interface GroupDetails {
  readonly moment: Moment;
  readonly group: GroupThen;
  readonly counts: MemberCounts;
  /** Since when joins and leaves are counted: the start of the history, if that is later. */
  readonly since: Date;
  /** By name. */
  readonly members: readonly (MemberThen & { readonly role: EffectiveRole })[];
  /** The name of the last member, if others follow; else null. */
  readonly nextAfter: string | null;
}

/** What to show of a group. */
export interface GroupQuestion {
  readonly groupName: string;
  /** A snapshot id, a time or `latest`. */
  readonly at: string;
  /** Shows members whose names come after this one; '' shows the first ones. */
  readonly after: string;
}

/** Reads groups. Members are counted once for each group and moment. */
export class GroupReader {
  readonly #db: pg.Pool;
  readonly #counts = new Kept<MemberCounts>();

  constructor(db: pg.Pool) {
    this.#db = db;
  }

  /**
   * Reads a group as of a moment.
   *
   * @returns null if it did not exist then
   * @throws ActionRequiredError if the time is none, or its state is unknown
   */
  read(poolId: string, question: GroupQuestion): Promise<GroupDetails | null> {
    return askPool(this.#db, poolId, (asking) => this.#read(asking, question), STATEMENT_MS);
  }

  async #read(
    asking: Asking,
    { groupName, at, after }: GroupQuestion,
  ): Promise<GroupDetails | null> {
    const source = postgresSource(asking);
    const moment = await findPublished(source, 'AT', at);
    const groups = new Map(
      (await source.listGroups(moment)).map((group) => [group.groupName, group]),
    );
    const group = groups.get(groupName);
    if (group === undefined) return null;
    const month = addSeconds(moment.snapshotAt, -COUNTED_DAYS * 24 * 60 * 60);
    const start = await findHistoryStart(asking);
    const since = new Date(Math.max(start.getTime(), month.getTime()));
    const key = [asking.poolId, moment.snapshot, since.getTime(), groupName].join(' ');
    const counts = await this.#counts.get(key, () =>
      countMembers(asking, groupName, moment.snapshotAt, since),
    );
    const limit = MEMBERS_PER_PAGE + 1;
    const found = await listMembersAfter(asking, groupName, moment.snapshotAt, after, limit);
    const members = found.slice(0, MEMBERS_PER_PAGE).map((member) => ({
      ...member,
      role: findEffectiveRole(member.groupNames.flatMap((name) => groups.get(name) ?? [])),
    }));
    const nextAfter = found.length > MEMBERS_PER_PAGE ? (members.at(-1)?.username ?? null) : null;
    return { moment, group, counts, since, members, nextAfter };
  }
}
