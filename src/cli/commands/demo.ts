import { Command } from 'commander';
import { withSignals } from '../signals.ts';

/** `demo`: a whole mirror on this machine, against the simulator. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('mirror a simulated pool on this machine: two snapshots and what changed between')
    .action(() =>
      withSignals(async (signal) => {
        const { runDemo } = await import('../demo/run-demo.ts');
        await runDemo(signal);
      }),
    );
}
