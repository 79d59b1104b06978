import type { Person } from '../archive/erasure/persons.ts';
import { formatCommand } from '../common/command.ts';
import { ActionRequiredError, type Problem } from '../model/errors.ts';

/**
 * Decides who is meant by usernames and subs. Its errors name a person by the place in the list, because
 * they may be logged.
 *
 * @param found everyone with one of these names or subs
 * @throws ActionRequiredError if a name is unknown, or several persons had it
 */
export function resolvePersons(
  poolId: string,
  texts: readonly string[],
  found: readonly Person[],
): Person[] {
  const problems: Problem[] = [];
  const persons = new Map<string, Person>();
  for (const [index, text] of texts.entries()) {
    const subject = texts.length === 1 ? 'USER' : `user ${index + 1} of ${texts.length}`;
    const bySub = found.filter(({ sub }) => sub === text);
    const meant = bySub.length > 0 ? bySub : found.filter(({ username }) => username === text);
    const subs = new Set(meant.flatMap(({ sub }) => sub ?? []));
    if (meant.length === 0) {
      problems.push({
        subject,
        problem: `neither the database nor the archive of ${poolId} has anyone with this username or sub.`,
        remedy: 'Give the exact username, or the sub.',
      });
    } else if (subs.size > 1) {
      problems.push({
        subject,
        problem: 'several persons had this username, one after the other.',
        remedy: `Give the sub of the person: \`${formatCommand(['history', poolId, 'USER'])}\` shows them.`,
      });
    }
    for (const person of meant) persons.set(JSON.stringify([person.username, person.sub]), person);
  }
  if (problems.length > 0) throw new ActionRequiredError(problems);
  return [...persons.values()];
}

/** How many persons there are: a name may stand for rows with and without a `sub`. */
export function countPersons(persons: readonly Person[]): number {
  const named = new Set(persons.filter(({ sub }) => sub !== null).map(({ username }) => username));
  const subs = new Set(persons.flatMap(({ sub }) => sub ?? []));
  const others = persons.filter(({ username, sub }) => sub === null && !named.has(username));
  return subs.size + others.length;
}
