import { COLUMNS, type Column, isContent } from '../model/columns.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { HistorySource } from '../model/history-source.ts';

/** The columns that `diff` compares. Attributes are compared one by one. */
const COMPARED: readonly string[] = [...COLUMNS.users, ...COLUMNS.groups].flatMap(
  (column: Column) => (isContent(column) && column.name !== 'attributes' ? [column.name] : []),
);

/** The attributes of every pool, from the developer guide ("User pool attributes"). */
export const STANDARD_ATTRIBUTES: readonly string[] = [
  'address',
  'birthdate',
  'email',
  'email_verified',
  'family_name',
  'gender',
  'given_name',
  'identities',
  'locale',
  'middle_name',
  'name',
  'nickname',
  'phone_number',
  'phone_number_verified',
  'picture',
  'preferred_username',
  'profile',
  'updated_at',
  'website',
  'zoneinfo',
];

/**
 * Requires that each name is `groups`, a column that `diff` compares, or an attribute: a standard one, one
 * that the pool defines, or one that a user once had. Any other is probably mistyped, and would make
 * different states look equal.
 *
 * @throws ActionRequiredError with the names that are known
 */
export async function checkFieldNames(
  source: HistorySource,
  names: readonly string[],
): Promise<void> {
  const columns = [...new Set([...COMPARED, 'groups'])].sort();
  const known = new Set([...columns, ...STANDARD_ATTRIBUTES]);
  const others = names.filter((name) => !known.has(name));
  const unknown = others.length === 0 ? [] : await source.findUnknownAttributes(others);
  if (unknown.length === 0) return;
  throw ActionRequiredError.of(
    'FIELDS',
    `no user or group of ${source.poolId} has ${unknown.map((name) => `"${name}"`).join(', ')}.`,
    `Columns: ${columns.join(', ')}. Attributes: ${STANDARD_ATTRIBUTES.join(', ')}, and custom ` +
      'attributes by their full name, such as custom:team.',
  );
}
