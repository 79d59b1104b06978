import type { FoundPerson } from '../../postgres/dashboard/find-people.ts';
import { Status, Text, Time } from '../../report/text.tsx';
import { userPath } from '../paths.ts';
import type { SealedNames } from '../sealed-names.ts';
import { Enabled, StoredName } from './values.tsx';

interface PeopleTableProps {
  readonly people: readonly FoundPerson[];
  readonly names: SealedNames;
  readonly showsPool: boolean;
}

/** The persons that a search found. */
export function PeopleTable({ people, names, showsPool }: PeopleTableProps) {
  return (
    <div class="table">
      <table class="stacked">
        <caption>People</caption>
        <thead>
          <tr>
            <th scope="col">Username</th>
            {showsPool ? <th scope="col">Pool</th> : null}
            <th scope="col">E-mail</th>
            <th scope="col">Name</th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <tr>
              <th scope="row">
                <a href={userPath(person.poolId, names.sealUser(person.poolId, person))}>
                  <StoredName value={person.username} />
                </a>
              </th>
              {showsPool ? <td data-title="Pool">{person.poolId}</td> : null}
              <td data-title="E-mail">
                {person.email === null ? '' : <Text value={person.email} />}
              </td>
              <td data-title="Name">{person.name === null ? '' : <Text value={person.name} />}</td>
              <td data-title="Status">
                <Status value={person.status} /> <Enabled value={person.enabled} />
                {person.goneAt === null ? null : (
                  <small>
                    gone since <Time at={person.goneAt} />
                  </small>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
