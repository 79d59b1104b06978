import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { MODIFIED_DATE, type Settings } from '../../src/model/pool-settings.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { createSettingsStage, stageSettings } from '../../src/postgres/store/stage-settings.ts';
import fc from '../support/fast-check.ts';

/** The settings of a pool by part. */
export type Parts = Readonly<Record<string, Settings>>;

/** What a snapshot reads of the settings, and the parts or kinds of parts that it cannot read. */
export interface ReadSettings {
  readonly parts: Parts;
  readonly unread: readonly string[];
}

const drawnClient = fc.record({
  ClientName: fc.constantFrom('web', 'größe \u2028'),
  CallbackURLs: fc.constantFrom([], ['https://a.example.com'], ['https://b.example.com']),
  Units: fc.constantFrom({}, { IdToken: 'hours' }, { IdToken: 'hours', Odd: { deep: 1 } }),
  [MODIFIED_DATE]: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'),
});
const PARTS: Readonly<Record<string, fc.Arbitrary<Settings>>> = {
  'client/a': drawnClient,
  'client/b': drawnClient,
  pool: fc.record({ Name: fc.constantFrom('people', 'staff') }),
  tags: fc.constantFrom({}, { team: 'a' }, { team: 'b', __proto__x: 'c' }),
};

/** What a snapshot reads; null: it keeps no settings. A part is there, missing or cannot be read. */
export const drawnSettings: fc.Arbitrary<ReadSettings | null> = fc.option(
  fc
    .tuple(
      fc.record(
        Object.fromEntries(
          Object.entries(PARTS).map(([part, settings]) => [
            part,
            fc.oneof(settings, settings, fc.constantFrom('missing' as const, 'unread' as const)),
          ]),
        ),
      ),
      fc.constantFrom(false, false, false, true),
    )
    .map(([drawn, clientsUnread]) => {
      const listed = Object.entries(drawn).filter(
        ([part]) => !(clientsUnread && part.startsWith('client/')),
      );
      const parts = listed.filter(([, settings]) => typeof settings !== 'string');
      const unread = listed.filter(([, settings]) => settings === 'unread').map(([part]) => part);
      return {
        parts: Object.fromEntries(parts) as Parts,
        unread: clientsUnread ? [...unread, 'client/'] : unread,
      };
    }),
  { freq: 4 },
);

/** Stages what a snapshot reads. */
export async function stageRead(
  db: pg.Pool,
  lease: SnapshotLease,
  { parts, unread }: ReadSettings,
): Promise<void> {
  await createSettingsStage(db, lease);
  const read = Object.entries(parts).map(([part, settings]) => ({ part, settings, unread: null }));
  const reasons = unread.map((part) => ({ part, settings: null, unread: `${part} was denied.` }));
  await stageSettings(db, lease, [...read, ...reasons]);
}

/**
 * The settings after a snapshot: what could not be read stays, and so does what differs in its date
 * alone.
 */
export function keepSettings(before: Parts, { parts, unread }: ReadSettings): Parts {
  const stays = Object.entries(before).filter(
    ([part]) => unread.includes(part) || unread.includes(part.replace(/\/.*/, '/')),
  );
  const read = Object.entries(parts).map(([part, settings]) => {
    const known = before[part];
    const isSame = known && isDeepStrictEqual(dateless(known), dateless(settings));
    return [part, isSame ? known : settings] as const;
  });
  return Object.fromEntries([...stays, ...read]);
}

const dateless = (settings: Settings) => ({ ...settings, [MODIFIED_DATE]: null });
