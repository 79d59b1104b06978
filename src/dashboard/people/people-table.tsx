import type { FoundPerson } from '../../postgres/dashboard/find-people.ts';
import { type Column, Table } from '../../report/table.tsx';
import { Status, Time } from '../../report/text.tsx';
import type { SealedNames } from '../sealed-names.ts';
import { EMAIL, NAME } from './person-columns.tsx';
import { Enabled, UserLink } from './values.tsx';

interface PeopleTableProps {
  readonly people: readonly FoundPerson[];
  readonly names: SealedNames;
  readonly showsPool: boolean;
}

const POOL: Column<FoundPerson> = { title: 'Pool', cell: ({ poolId }) => poolId };

/** The persons that a search found. */
export function PeopleTable({ people, names, showsPool }: PeopleTableProps) {
  return (
    <Table
      isStacked
      caption="People"
      columns={[
        {
          title: 'Username',
          cell: (person) => <UserLink poolId={person.poolId} user={person} names={names} />,
        },
        ...(showsPool ? [POOL] : []),
        EMAIL,
        NAME,
        {
          title: 'Status',
          cell: ({ status, enabled, goneAt }) => (
            <>
              <Status value={status} /> <Enabled value={enabled} />
              {goneAt === null ? null : (
                <small>
                  gone since <Time at={goneAt} />
                </small>
              )}
            </>
          ),
        },
      ]}
      rows={people}
    />
  );
}
