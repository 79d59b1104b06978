import { CommanderError } from 'commander';
import { ConfigurationError, InterruptedError, MirrorError } from '../model/errors.ts';
import { printable } from '../telemetry/printable.ts';
import { scrubText } from '../telemetry/redaction.ts';
import { asLimit } from './limits.ts';
import { OutputClosedError } from './output.ts';

/**
 * What a person is told of the error that ended a command, in lines for standard error: every
 * problem with its remedy, one a line. Stacks show at LOG_LEVEL=debug alone.
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

/** Some errors of Node hold others, and no message of their own. */
function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors.map(String).join('; ');
}

function line(text: string): string {
  return `cognito-mirror: ${printable(scrubText(text))}`;
}
