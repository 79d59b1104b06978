import { CommanderError } from 'commander';
import { ConfigurationError, InterruptedError, MirrorError } from '../model/errors.ts';
import { printable } from '../telemetry/printable.ts';
import { scrubText } from '../telemetry/redaction.ts';
import { asLimit } from './limits.ts';
import { OutputClosedError } from './output.ts';

/**
 * What a person is told of the error that ended a command, in lines for standard error: every
 * problem with its remedy, one a line. Stacks show with `debug` alone.
 */
export function describeFailure(error: unknown, debug: boolean): string[] {
  // Commander has said what it had to say.
  if (error instanceof CommanderError || error instanceof OutputClosedError) return [];
  if (error instanceof ConfigurationError) {
    return error.problems.flatMap(({ subject, problem, remedy, output = [] }) => [
      line(`${subject}: ${problem} ${remedy}`),
      ...output.map((text) => `  ${printable(scrubText(text))}`),
    ]);
  }
  const limit = asLimit(error);
  if (limit !== null) return describeFailure(limit, debug);
  if (!(error instanceof Error)) return [line(String(error))];
  const known = error instanceof MirrorError;
  const lines = [line(known ? error.message : `${error.name}: ${messageOf(error)}`)];
  if (debug && error.stack !== undefined && !(error instanceof InterruptedError)) {
    lines.push(
      ...error.stack
        .split('\n')
        .slice(1)
        .map((frame) => printable(scrubText(frame))),
    );
  } else if (!known) {
    lines.push(line('This was not expected. LOG_LEVEL=debug shows where it happened.'));
  }
  return lines;
}

/** Whether a person asks for stacks by this LOG_LEVEL. */
export function isDebug(logLevel: string | undefined): boolean {
  return logLevel === 'debug' || logLevel === 'trace';
}

/** What Postgres says of an error can quote a row, which no message may hold. */
export async function forPeople(failure: unknown): Promise<unknown> {
  if (!(failure instanceof Error) || failure instanceof MirrorError) return failure;
  if (failure instanceof CommanderError) return failure;
  const { withoutRows } = await import('../postgres/database-error.ts');
  return withoutRows(failure);
}

/** Some errors of Node hold others, and no message of their own. */
function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors.map(String).join('; ');
}

function line(text: string): string {
  return `cognito-mirror: ${printable(scrubText(text))}`;
}
