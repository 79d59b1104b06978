import type { Context, Hono } from 'hono';
import { STANDARD_ATTRIBUTES } from '../../history/field-names.ts';
import type { Comparison } from '../../postgres/dashboard/find-people.ts';
import { listSearchablePools, type SearchablePool } from '../../postgres/dashboard/pool-names.ts';
import type { DashboardDeps } from '../deps.ts';
import { respondWithProblem } from '../errors.tsx';
import { Choice, Form, NextPage, SearchField } from '../forms.tsx';
import { Notice, Page, renderPage } from '../layout.tsx';
import { logSearch } from '../log-looks.ts';
import { peoplePath, poolPath } from '../paths.ts';
import { PeopleTable } from '../people/people-table.tsx';
import { refuseView } from '../people/refuse-view.ts';
import { type FoundPeople, type HiddenIn, PAGE_SIZE, searchPeople } from '../people/search.ts';
import type { SealedNames } from '../sealed-names.ts';
import type { DashboardEnv, Session } from '../session.ts';

/** What the form of the search was filled in with. */
interface Asked {
  readonly text: string;
  /** The name of an attribute; empty for username, e-mail address or `sub`. */
  readonly attribute: string;
  readonly comparison: Comparison;
  readonly inAllPools: boolean;
  readonly from: string | null;
}

const NOTHING: Asked = {
  ...{ text: '', attribute: '', comparison: 'starts', inAllPools: false, from: null },
};

/** The search for people. Its form and further pages are sent by POST: what is searched is in no URL. */
export function addPeople(app: Hono<DashboardEnv>, deps: DashboardDeps, names: SealedNames): void {
  const { db, hashKey, log } = deps;
  app.on(['GET', 'POST'], '/pools/:pool/people', async (context) => {
    const refused = refuseView(context);
    if (refused !== null) return refused;
    const session = context.get('session');
    const pools = await listSearchablePools(db);
    const pool = pools.find(({ poolId }) => poolId === context.req.param('pool'));
    if (pool === undefined) {
      return respondWithProblem(context, 404, 'No pool with this id is mirrored.');
    }
    const asked = context.req.method === 'POST' ? await readForm(context, pool) : NOTHING;
    const poolIds = asked.inAllPools ? pools.map(({ poolId }) => poolId) : [pool.poolId];
    const isAsked = asked.text !== '';
    const found = isAsked
      ? await searchPeople(db, hashKey, { ...asked, attribute: asked.attribute || null, poolIds })
      : null;
    if (found !== null) {
      logSearch(log, context, { poolIds, people: found.people.length });
    }
    return renderPage(
      context,
      <Page
        title="People"
        session={session}
        trail={[{ title: pool.poolId, path: poolPath(pool.poolId) }]}
      >
        <SearchForm pool={pool} asked={asked} session={session} hasOthers={pools.length > 1} />
        {found === null ? null : (
          <Results found={found} asked={asked} pool={pool} names={names} session={session} />
        )}
      </Page>,
    );
  });
}

async function readForm(context: Context, pool: SearchablePool): Promise<Asked> {
  const form = await context.req.parseBody();
  const read = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
  const asked = {
    text: read('text').trim(),
    attribute: read('attribute'),
    comparison: read('comparison') === 'is' ? 'is' : 'starts',
    inAllPools: read('scope') === 'all',
    // A username, or a position. Postgres holds no U+0000.
    from: read('from').replaceAll('\0', '') || null,
  } as const;
  // A text such as custom:team=red names its attribute itself.
  const [, name = '', value = ''] = /^([^=]+)=(.+)$/s.exec(asked.text) ?? [];
  return asked.attribute === '' && attributesOf(pool).includes(name)
    ? { ...asked, attribute: name, text: value }
    : asked;
}

function attributesOf({ customAttributes }: SearchablePool): readonly string[] {
  return [...customAttributes, ...STANDARD_ATTRIBUTES];
}

interface FormProps {
  readonly pool: SearchablePool;
  readonly asked: Asked;
  readonly session: Session;
}

function SearchForm({
  pool,
  asked,
  session,
  hasOthers,
}: FormProps & { readonly hasOthers: boolean }) {
  const { text, attribute, comparison, inAllPools } = asked;
  const attributes = attributesOf(pool);
  const known =
    attribute === '' || attributes.includes(attribute) ? attributes : [attribute, ...attributes];
  return (
    <Form session={session} action={peoplePath(pool.poolId)} class="search">
      <SearchField
        label="Search for"
        value={text}
        isRequired
        hint="Upper and lower case do not matter. An attribute can also be given as custom:team=red."
      />
      <Choice
        name="attribute"
        label="In"
        value={attribute}
        options={[['', 'Username, e-mail or sub'], ...known.map((name) => [name, name] as const)]}
      />
      <Choice
        name="comparison"
        label="Which"
        value={comparison}
        options={[
          ['starts', 'starts with it'],
          ['is', 'is exactly it'],
        ]}
      />
      {hasOthers ? (
        <Choice
          name="scope"
          label="Where"
          value={inAllPools ? 'all' : ''}
          options={[
            ['', 'this pool'],
            ['all', 'all pools'],
          ]}
        />
      ) : null}
      <div class="actions">
        <button type="submit">Search</button>
      </div>
    </Form>
  );
}

interface ResultsProps extends FormProps {
  readonly found: FoundPeople;
  readonly names: SealedNames;
}

function Results({ found, asked, pool, names, session }: ResultsProps) {
  const { people, isCut, next, hidden } = found;
  return (
    <>
      <h2>Found</h2>
      {hidden.map((each) => (
        <Notice kind="note">
          <p>{explainHidden(each)}</p>
        </Notice>
      ))}
      {people.length === 0 ? (
        <p class="none">
          {next === null
            ? 'No matches. Attributes are searched among current users only; people who were forgotten are in no result.'
            : 'No matches so far.'}
        </p>
      ) : (
        <PeopleTable people={people} names={names} showsPool={asked.inAllPools} />
      )}
      {isCut ? (
        <p>
          More than {PAGE_SIZE} match, and these are the first. Give more of the text to narrow it
          down.
        </p>
      ) : null}
      {next === null ? null : (
        <>
          <p>{explainNext(found)}</p>
          <NextPage
            session={session}
            action={peoplePath(pool.poolId)}
            asked={{
              text: asked.text,
              attribute: asked.attribute,
              comparison: asked.comparison,
              scope: asked.inAllPools ? 'all' : '',
              from: next,
            }}
            label="Search on"
          />
        </>
      )}
    </>
  );
}

function explainNext({ people, scanned }: FoundPeople): string {
  if (scanned === 0) return 'Usernames in another case were not looked at yet.';
  const share =
    scanned === null ? 'Some of the users' : `${Math.floor(scanned * 100)} % of the users`;
  return people.length >= PAGE_SIZE
    ? 'There may be more.'
    : `The search stopped after a second. ${share} were looked at.`;
}

function explainHidden({ poolId, attribute, how, missingKey }: HiddenIn): string {
  if (how === 'omitted') {
    return `In ${poolId}, a privacy rule leaves ${attribute} out, so a search by it has no matches.`;
  }
  return missingKey === null
    ? `In ${poolId}, a privacy rule hashes ${attribute}: it is found by its full value only.`
    : `In ${poolId}, a privacy rule hashes ${attribute} with a key that is not set here, so a search by it has no matches. Set MIRROR_HASH_KEY to the key with the id ${missingKey}.`;
}
