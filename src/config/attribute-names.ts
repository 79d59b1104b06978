/** The standard attributes of a user pool, by the developer guide ("Working with user attributes"). */
const STANDARD = [
  ...['address', 'birthdate', 'email', 'email_verified', 'family_name', 'gender', 'given_name'],
  ...['identities', 'locale', 'middle_name', 'name', 'nickname', 'phone_number'],
  ...['phone_number_verified', 'picture', 'preferred_username', 'profile', 'updated_at'],
  ...['website', 'zoneinfo'],
];

/** A custom attribute. The lists of variables are separated by commas. */
const CUSTOM = /^(dev:)?custom:[^\s\p{Cc},]{1,64}$/u;

/** Attributes with two values, which anyone can tell apart by how often they occur. */
const BOOLEANS = ['email_verified', 'phone_number_verified'];

export const ATTRIBUTES_REMEDY =
  'Give names as Cognito has them, such as email, phone_number or custom:tenant.';

/** Why no privacy rule can name this attribute, or null. */
export function findAttributeProblem(name: string): string | null {
  if (name === 'sub' || name === 'username') {
    return 'a username and a sub identify a user, so that no rule can hide them.';
  }
  return STANDARD.includes(name) || CUSTOM.test(name)
    ? null
    : 'must have standard attributes, and custom ones with custom: before their names.';
}

/** The same for a rule that hashes. */
export function findHashedProblem(name: string): string | null {
  return BOOLEANS.includes(name)
    ? 'a hash does not hide what is only true or false; leave it out instead.'
    : findAttributeProblem(name);
}
