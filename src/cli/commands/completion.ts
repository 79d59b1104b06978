import { Argument, Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../completion/scripts.ts';
import { writeOut } from '../output.ts';

/** `completion`: the script that completes command lines in a shell. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that completes commands, pools, snapshots and groups in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nFor an installed cognito-mirror. Pools, snapshots and groups come from a\n' +
        'database that answers at once; it starts none.',
    )
    .action((shell: Shell, _options: object, command: Command) =>
      writeOut(completionScript(shell, command.parent ?? command)),
    );
}
