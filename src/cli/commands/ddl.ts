import { Argument, Command } from 'commander';
import { archiveDdl, DDL_DIALECTS, type DdlDialect, loadOptions } from '../../index.ts';
import { writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';

interface DdlOptions {
  readonly archive?: string;
  readonly projection?: boolean;
}

/** `ddl`: prints the statements that make an archive queryable in an engine. */
export function ddlCommand(): Command {
  return new Command('ddl')
    .description('print the statements that make the archive queryable in an engine')
    .addArgument(new Argument('<engine>', 'the engine').choices(DDL_DIALECTS))
    .option('--archive <url>', 's3://bucket/prefix or file:///folder (default: ARCHIVE_URL)')
    .option('--projection', 'athena only: let it compute the partitions')
    .action((engine: DdlDialect, options: DdlOptions) =>
      withSignals(async (signal) => {
        const request = { ...options, signal };
        const statements = await archiveDdl(engine, request, await loadOptions(process.env));
        await writeOut(statements.map((statement) => `${statement};\n`).join('\n'));
      }),
    );
}
