import { formatCount } from '../../common/text.ts';
import { type Account, ActionRequiredError, isPoolId } from '../../index.ts';
import { Table } from '../display/table.ts';

/** The pools of the account as a table with numbers. */
export function formatAccountPools({ pools }: Account, width: number): string {
  const rows = pools.map(({ poolId, name, estimatedUsers }, index) => [
    String(index + 1),
    poolId,
    name,
    estimatedUsers === null ? '' : formatCount(estimatedUsers),
  ]);
  const table = new Table(
    [
      { name: '', align: 'right' },
      { name: 'pool' },
      { name: 'name' },
      { name: 'users, about', align: 'right' },
    ],
    rows,
    width,
  );
  return `${table.header}${table.rows(rows)}`;
}

/**
 * The value of COGNITO_POOLS for an answer: numbers of the table, ids, ARNs or names, separated by commas,
 * or `all`.
 *
 * @throws ActionRequiredError for what is none of the account's pools
 */
export function choosePools(answer: string, { pools, region }: Account): string {
  if (answer === 'all') return answer;
  const words = answer.split(',').map((word) => word.trim());
  const ids = words.filter((word) => word !== '').map((word) => find(word));
  if (ids.length > 0) return [...new Set(ids)].join(',');
  throw ActionRequiredError.of('--pools', 'no pool is named.', 'Name one or more, or `all`.');

  function find(word: string): string {
    if (/^\d+$/.test(word) && pools[Number(word) - 1]) return pools[Number(word) - 1]?.poolId ?? '';
    const [, id = word] = /^arn:.*:userpool\/(.+)$/.exec(word) ?? [];
    const found = pools.filter(({ poolId, name }) => poolId === id || name === word);
    if (found.length === 1) return found[0]?.poolId ?? '';
    if (found.length > 1) {
      const which = found.map(({ poolId }) => poolId).join(', ');
      throw ActionRequiredError.of('--pools', `${word} is the name of ${which}.`, 'Give an id.');
    }
    const elsewhere = isPoolId(id) && !id.startsWith(`${region}_`);
    throw ActionRequiredError.of(
      '--pools',
      elsewhere
        ? `${id} is in another Region than ${region}, which was listed.`
        : `the account has no pool ${JSON.stringify(word)} in ${region}.`,
      elsewhere
        ? `Set AWS_REGION=${id.slice(0, id.indexOf('_'))} and run it again.`
        : 'Give numbers, ids or names of the list, separated by commas, or `all`.',
    );
  }
}
