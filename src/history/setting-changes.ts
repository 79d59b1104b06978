import { isDeepStrictEqual } from 'node:util';
import type { SettingDifference } from '../model/history.ts';
import { type Json, MODIFIED_DATE, type Settings } from '../model/pool-settings.ts';
import type { FieldChange, FieldSelection, FieldValue, SettingChange } from './changes.ts';

/** Compares a part in two states. Returns null if nothing that is shown differs. */
export function compareSetting(
  { part, before, after }: SettingDifference,
  { allFields = false, redact = false }: FieldSelection,
): SettingChange | null {
  const kind = before === null ? 'added' : after === null ? 'removed' : 'modified';
  const [from, to] = [before, after].map((settings) => new Map(listFields(settings ?? {}))) as [
    Map<string, FieldValue>,
    Map<string, FieldValue>,
  ];
  const names = [...new Set([...from.keys(), ...to.keys()])]
    .filter((name) => allFields || name !== MODIFIED_DATE)
    .filter((name) => !isDeepStrictEqual(from.get(name), to.get(name)))
    .sort();
  if (kind === 'modified' && names.length === 0) return null;
  const fields = names.map((name): [string, FieldChange] => [
    name,
    redact ? {} : { from: from.get(name) ?? null, to: to.get(name) ?? null },
  ]);
  return { entity: 'setting', kind, part, fields: Object.fromEntries(fields) };
}

/** Every value by its path. Objects are not values themselves, even empty ones. */
function* listFields(settings: Settings, path = ''): Generator<[string, FieldValue]> {
  for (const [name, value] of Object.entries(settings)) {
    const field = path + name;
    if (isObject(value)) yield* listFields(value, `${field}.`);
    else if (value !== null) yield [field, value];
  }
}

function isObject(value: Json): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
