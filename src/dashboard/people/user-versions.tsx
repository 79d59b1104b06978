import { Text } from '../../report/text.tsx';
import type { ShownVersion, UserDetails } from './read-user.ts';
import { PeriodText, Value } from './values.tsx';

interface VersionsProps {
  readonly details: UserDetails;
  /** The path of older versions; null if there are none. */
  readonly olderPath: string | null;
  /** The path of the newest versions; null if they are shown. */
  readonly newestPath: string | null;
}

/** The versions of a user, the newest first, with what each changed. */
export function Versions({ details, olderPath, newestPath }: VersionsProps) {
  return (
    <>
      <h2 id="history">History</h2>
      <ol class="plain">
        {details.versions.map((version) => (
          <li class="card">
            <h3>
              <PeriodText period={version} />
            </h3>
            <Changes version={version} />
          </li>
        ))}
      </ol>
      <p class="actions">
        {newestPath === null ? null : <a href={newestPath}>Newest versions</a>}
        {olderPath === null ? null : <a href={olderPath}>Older versions</a>}
      </p>
    </>
  );
}

function Changes({ version: { kind, fields } }: { readonly version: ShownVersion }) {
  const changed = Object.entries(fields);
  if (kind === 'added') return <p>First seen with {changed.length} fields.</p>;
  if (changed.length === 0) return <p class="quiet">Only a time that the service notes changed.</p>;
  return (
    <dl class="facts">
      {changed.map(([name, { from, to }]) => (
        <>
          <dt>
            <Text value={name} isWhole />
          </dt>
          <dd>
            <Value value={from} /> <span class="quiet">→</span> <Value value={to} />
          </dd>
        </>
      ))}
    </dl>
  );
}
