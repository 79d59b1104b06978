import { Command } from 'commander';
import { loadOptions, type PoolPruning } from '../../index.ts';
import { EXIT, reportFailures } from '../errors.ts';
import { outputWidth, writeJson, writeNote } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { QUICKLY, withSignals } from '../signals.ts';

interface PruneOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `prune`: removes the objects of snapshots that ARCHIVE_KEEP does not keep. */
export function pruneCommand(): Command {
  return new Command('prune')
    .description('remove the archived objects of snapshots that ARCHIVE_KEEP does not keep')
    .argument('[pool...]', 'ids, ARNs or names of pools (default: those of COGNITO_POOLS)')
    .option('--dry-run', 'write and delete nothing; show what would be removed')
    .option('--json', 'print one JSON document: {"pools":[…]}')
    .action((pools: string[], options: PruneOptions) =>
      withSignals((signal) => runPrune(pools, options, signal), {
        ...QUICKLY,
        outcome: () => 'What was removed is recorded; run the same command again to continue.',
      }),
    );
}

async function runPrune(
  pools: readonly string[],
  { dryRun = false, json = false }: PruneOptions,
  signal: AbortSignal,
): Promise<void> {
  const options = await loadOptions(process.env, { pools, needsPools: true });
  const outcomes = await withMirror(options, (mirror) =>
    mirror.prunePools(options.pools, { dryRun, signal }),
  );
  const prunings = outcomes.flatMap(({ pruning }) => pruning ?? []);
  const hasFailed = prunings.some(({ snapshots }) =>
    snapshots.some(({ outcome }) => outcome === 'failed'),
  );
  process.exitCode =
    (await reportFailures(outcomes, options.logger)) ?? (hasFailed ? EXIT.failed : EXIT.done);
  if (json) return writeJson({ pools: prunings.map(toJson) });
  const { formatPruning } = await import('../display/pruning-text.ts');
  for (const pruning of prunings) await writeNote(formatPruning(pruning, outputWidth()));
}

function toJson({ removedBefore, ...pruning }: PoolPruning): object {
  return { ...pruning, removedBefore: removedBefore.length };
}
