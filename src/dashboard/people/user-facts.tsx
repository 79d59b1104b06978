import { type FieldValue, listFields } from '../../history/changes.ts';
import type { Version } from '../../model/history.ts';
import { Table } from '../../report/table.tsx';
import { Names, Status, Text, Time } from '../../report/text.tsx';
import type { UserDetails } from './read-user.ts';
import { Role, Value } from './values.tsx';

/** What is known of a user besides attributes. */
export function Facts({ details }: { readonly details: UserDetails }) {
  const { profile, latest, last, role, versions } = details;
  const { content, validTo } = last;
  const enabled = content['enabled'];
  return (
    <>
      {validTo === null ? (
        <p>
          As of the snapshot of <Time at={latest.snapshotAt} />.
        </p>
      ) : (
        <p>
          <strong class="bad">Gone.</strong> The snapshot of <Time at={validTo} /> was the first
          without this user. Below is the last state.
        </p>
      )}
      <dl class="facts">
        <dt>sub</dt>
        <dd>
          <Value value={profile.sub} />
        </dd>
        <dt>Status</dt>
        <dd>
          <Status value={(content['status'] as string | null) ?? null} />
        </dd>
        <dt>May sign in</dt>
        <dd>
          {enabled === true ? (
            'yes'
          ) : enabled === false ? (
            <span class="bad">no: disabled</span>
          ) : (
            'unknown'
          )}
        </dd>
        <dt>Second factors</dt>
        <dd>
          <Factors content={content} />
        </dd>
        <dt>Effective role</dt>
        <dd>{validTo === null ? <Role role={role} /> : <span class="quiet">none: gone</span>}</dd>
        <dt>Created</dt>
        <dd>
          <When value={content['created_at']} />
        </dd>
        <dt>Last modified</dt>
        <dd>
          <When value={content['modified_at']} />
        </dd>
        {versions.length === 0 ? null : (
          <>
            <dt>This state since</dt>
            <dd>
              <Time at={last.validFrom} />
            </dd>
          </>
        )}
      </dl>
    </>
  );
}

function Factors({ content }: { readonly content: Version }) {
  const settings = content['mfa_settings'] as readonly string[] | null;
  const preferred = content['preferred_mfa'] as string | null;
  const readAt = content['mfa_read_at'] as Date | null;
  if (readAt === null || settings === null) return <span class="quiet">unknown</span>;
  return (
    <>
      {settings.length === 0 ? 'none' : <Names values={settings} />}
      {preferred === null ? null : (
        <>
          , preferred <Text value={preferred} />
        </>
      )}{' '}
      <small class="quiet">
        read at <Time at={readAt} />
      </small>
    </>
  );
}

function When({ value }: { readonly value: unknown }) {
  return value instanceof Date ? <Time at={value} /> : <span class="quiet">unknown</span>;
}

/** The columns that are shown elsewhere on the page. */
const ELSEWHERE = [
  'sub',
  'status',
  'enabled',
  'created_at',
  'modified_at',
  'mfa_settings',
  'preferred_mfa',
  'mfa_read_at',
];

/** All attributes of a user. Those that privacy rules hide are named. */
export function Attributes({ details }: { readonly details: UserDetails }) {
  const { last, hidden } = details;
  const fields = [...listFields(last.content)].filter(([name]) => !ELSEWHERE.includes(name));
  const omitted = [...new Set(hidden.flatMap(({ omitted: names }) => names))].sort();
  const rows = fields.sort(([one], [other]) => (one < other ? -1 : 1));
  return (
    <>
      <h2>Attributes</h2>
      <Table
        isStacked
        caption="Attributes and further fields"
        columns={[
          { title: 'Name', cell: ([name]) => <Text value={name} isWhole /> },
          {
            title: 'Value',
            titleShown: 'above',
            cell: ([name, value]) => <AttributeValue name={name} value={value} />,
          },
        ]}
        rows={rows}
      />
      {omitted.length === 0 ? null : (
        <p>
          A privacy rule leaves out: <Names values={omitted} />.
        </p>
      )}
    </>
  );
}

interface Identity {
  readonly providerName?: unknown;
  readonly userId?: unknown;
  readonly primary?: unknown;
}

function AttributeValue({ name, value }: { readonly name: string; readonly value: FieldValue }) {
  const identities = name === 'identities' ? parseIdentities(value) : null;
  if (identities === null) return <Value value={value} />;
  return (
    <ul class="plain">
      {identities.map(({ providerName, userId, primary }) => (
        <li>
          <Text value={textOf(providerName)} /> <Text value={textOf(userId)} isWhole />{' '}
          {textOf(primary) === 'true' ? <span class="quiet">primary</span> : null}
        </li>
      ))}
    </ul>
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** An identity provider may send any text. */
function parseIdentities(value: FieldValue): readonly Identity[] | null {
  if (typeof value !== 'string') return null;
  try {
    const parsed: unknown = JSON.parse(value);
    const isList =
      Array.isArray(parsed) && parsed.every((each) => typeof each === 'object' && each !== null);
    return isList && parsed.length > 0 ? parsed : null;
  } catch {
    return null;
  }
}
