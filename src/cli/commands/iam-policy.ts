import { Command } from 'commander';
import { iamPolicy, loadOptions } from '../../index.ts';
import { writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';

interface IamPolicyOptions {
  readonly account?: string;
  readonly role?: string;
  readonly listPools?: boolean;
  readonly versioned?: boolean;
  readonly restore?: boolean;
  readonly groupRole?: readonly string[];
}

/** `iam-policy`: the least policy for this configuration. */
export function iamPolicyCommand(): Command {
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  return new Command('iam-policy')
    .description('print the least IAM policy for this configuration as JSON')
    .argument('[pool...]', 'ids, ARNs or names of pools (default: those of COGNITO_POOLS)')
    .option('--account <id>', 'the account of the pools (default: any)')
    .option('--role <arn>', 'the policy of this role, which the file names for pools elsewhere')
    .option('--list-pools', 'also list the pools of the account: for init, and pools by name')
    .option('--versioned', 'the bucket of the archive keeps versions')
    .option('--restore', 'also restore into the pools')
    .option('--group-role <arn>', 'with --restore: the role of a group; repeatable', collect)
    .addHelpText(
      'after',
      '\nIt reads the configuration alone, and calls no service unless a pool is given by\n' +
        'its name. docs/IAM.md explains each statement.',
    )
    .action((pools: string[], { groupRole: groupRoles, ...request }: IamPolicyOptions) =>
      withSignals(async (signal) => {
        const options = await loadOptions(process.env, { pools, needsPools: true });
        const policy = await iamPolicy({ ...request, groupRoles, signal }, options);
        await writeOut(`${JSON.stringify(policy, null, 2)}\n`);
      }),
    );
}
