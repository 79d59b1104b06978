/** A value of JSON. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** One part of a pool's settings, by the service's own names. */
export type Settings = { readonly [name: string]: Json };

/** The kinds of parts of which a pool may have many. The id of each follows the slash. */
export const LISTED_PARTS = ['client/', 'provider/', 'resource_server/', 'domain/', 'ui/'] as const;
export type ListedPart = (typeof LISTED_PARTS)[number];

/** Why parts could not be read, by part, or by the kind of parts whose list could not be read. */
export type UnreadParts = Readonly<Record<string, string>>;

/** A date that changes with every change of a part, and sometimes without one. */
export const MODIFIED_DATE = 'LastModifiedDate';
