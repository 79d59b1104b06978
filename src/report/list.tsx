import type { Child } from 'hono/jsx';
import { counted, formatCount } from '../common/text.ts';
import type { Listed, ListedUser } from '../model/report-source.ts';
import { type Column, Table } from './table.tsx';
import { Names, Text } from './text.tsx';

interface ListProps<T> {
  /** The heading; by default that of the section above is enough. */
  readonly title?: string;
  /** What one entry is, for the caption. */
  readonly noun: string;
  readonly list: Listed<T>;
  readonly columns: readonly Column<T>[];
  /** Who is listed, and what that means. */
  readonly children?: Child;
  /** How to see all of a list that is cut. */
  readonly all: Child;
}

/** A list of a report with its heading: a table, or one sentence if it is empty. */
export function List<T>({ title, noun, list, columns, children, all }: ListProps<T>) {
  const { total, shown } = list;
  const rest = total - shown.length;
  return (
    <div>
      {title === undefined ? null : <h3>{title}</h3>}
      {children}
      {total === 0 ? (
        <p class="none">None.</p>
      ) : (
        <Table
          caption={
            rest > 0
              ? `${formatCount(shown.length)} of ${counted(total, noun)}`
              : counted(total, noun)
          }
          columns={columns}
          rows={shown}
        />
      )}
      {rest > 0 ? (
        <p>
          And {formatCount(rest)} more; {all}
        </p>
      ) : null}
    </div>
  );
}

/** The username, with the name and the e-mail address of the person below it. */
export function User({ user }: { readonly user: Omit<ListedUser, 'status'> }) {
  const details = [user.name, user.email].filter(
    (each): each is string => each !== null && each !== user.username,
  );
  return (
    <>
      <Text value={user.username} />
      {details.length === 0 ? null : (
        <small>
          <Names values={details} separator=" · " />
        </small>
      )}
    </>
  );
}
