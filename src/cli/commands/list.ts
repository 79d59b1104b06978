import { Command } from 'commander';
import { printable, printableJson } from '../../common/printable.ts';
import { ActionRequiredError, type Listing, loadOptions, type Problem } from '../../index.ts';
import { writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/** The service's limit. */
const MAX_PAGE_SIZE = 60;

interface ListOptions {
  readonly filter?: string;
  readonly attributes?: string;
  readonly pageSize?: string;
  readonly maxItems?: string;
  readonly startingToken?: string;
}

/** `list`: the service's own three listings, through the same buckets and retries. */
export function listCommand(): Command {
  return new Command('list')
    .description("stream the service's own listing as JSON Lines")
    .argument('<what>', 'users, groups or members')
    .argument('<pool>', "the pool's id, ARN or name")
    .argument('[group]', 'the group, of members')
    .option('--filter <filter>', 'of users: such as \'email ^= "ann"\'')
    .option('--attributes <names>', 'of users: the attributes to get, comma-separated')
    .option('--page-size <n>', 'items a page, 0 to 60; 0 leaves it to the service')
    .option('--max-items <n>', 'items in all')
    .option('--starting-token <token>', 'where an earlier listing stopped')
    .action((what: string, pool: string, group: string | undefined, options: ListOptions) =>
      withSignals((signal) => runList(toListing(what, pool, group, options), signal)),
    );
}

async function runList(listing: Listing, signal: AbortSignal): Promise<void> {
  await withMirror(await loadOptions(process.env), async (mirror) => {
    let next: string | null = null;
    try {
      for await (const page of mirror.list(listing, { signal })) {
        await writeOut(page.items.map((item) => `${printableJson(item)}\n`).join(''));
        next = page.nextToken;
      }
    } finally {
      // Also after a listing that was cut short: its pages need not be read again.
      if (next !== null) console.error(`Next token: ${printable(next)}`);
    }
  });
}

/** @throws ActionRequiredError with everything that is wrong with the command line */
function toListing(
  what: string,
  poolId: string,
  groupName: string | undefined,
  options: ListOptions,
): Listing {
  const problems: Problem[] = [];
  const refuse = (subject: string, problem: string, remedy: string) =>
    problems.push({ subject, problem, remedy });
  const wholeNumber = (name: string, text: string | undefined, most: number) => {
    if (text === undefined) return undefined;
    const number = Number(text);
    if (!/^\d+$/.test(text) || number > most) {
      refuse(`--${name}`, 'is out of range.', `Give a whole number from 0 to ${most}.`);
    }
    return number;
  };
  if (!['users', 'groups', 'members'].includes(what)) {
    refuse('WHAT', `"${what}" is not a listing.`, 'Give users, groups or members.');
  }
  if (what === 'members' && groupName === undefined) {
    refuse('GROUP', 'is missing.', 'Name the group: list members POOL GROUP.');
  }
  if (what !== 'members' && groupName !== undefined) {
    refuse('GROUP', 'only the listing of members takes a group.', 'Leave it out.');
  }
  for (const name of ['filter', 'attributes'] as const) {
    if (what !== 'users' && options[name] !== undefined) {
      refuse(`--${name}`, 'only the listing of users takes it.', 'Leave it out.');
    }
  }
  const pageSize = wholeNumber('page-size', options.pageSize, MAX_PAGE_SIZE);
  const maxItems = wholeNumber('max-items', options.maxItems, Number.MAX_SAFE_INTEGER);
  if (problems.length > 0) throw new ActionRequiredError(problems);
  const range = {
    poolId,
    ...(pageSize !== undefined && { pageSize }),
    ...(maxItems !== undefined && { maxItems }),
    ...(options.startingToken !== undefined && { startingToken: options.startingToken }),
  };
  if (groupName !== undefined) return { ...range, kind: 'members', groupName };
  if (what === 'groups') return { ...range, kind: 'groups' };
  return {
    ...range,
    kind: 'users',
    ...(options.filter !== undefined && { filter: options.filter }),
    ...(options.attributes !== undefined && { attributes: options.attributes.split(',') }),
  };
}
