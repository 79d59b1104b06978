import type { Dataset } from '../model/snapshot.ts';

/** What a column holds; `json` is JSON text in Parquet and the value itself in JSON Lines. */
export type ColumnType =
  | 'text'
  | 'boolean'
  | 'integer'
  | 'time'
  | 'text map'
  | 'text list'
  | 'json';

/** The columns of each dataset in their order, which is the same in both formats (the contract). */
export const COLUMNS: Readonly<Record<Dataset, Readonly<Record<string, ColumnType>>>> = {
  users: {
    username: 'text',
    sub: 'text',
    status: 'text',
    enabled: 'boolean',
    email: 'text',
    email_verified: 'boolean',
    phone_number: 'text',
    phone_number_verified: 'boolean',
    name: 'text',
    given_name: 'text',
    family_name: 'text',
    preferred_username: 'text',
    created_at: 'time',
    modified_at: 'time',
    attributes: 'text map',
    mfa_options: 'json',
    escaped: 'text list',
    groups: 'text list',
  },
  groups: {
    group_name: 'text',
    description: 'text',
    role_arn: 'text',
    precedence: 'integer',
    created_at: 'time',
    modified_at: 'time',
    escaped: 'text list',
  },
  memberships: {
    group_name: 'text',
    username: 'text',
    sub: 'text',
  },
};
