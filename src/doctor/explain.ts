import { NoAnswerError } from '../common/bounded.ts';
import { ActionRequiredError, MirrorError } from '../model/errors.ts';
import { type CheckResult, failed } from './check.ts';

/**
 * The result of a check that threw. Errors of the program say what to do. Those of libraries and
 * servers can quote secrets and rows, so only their names and codes are shown.
 *
 * @param remedy what to do if the error does not say it
 */
export function explainFailure(error: unknown, remedy: string): CheckResult[] {
  if (error instanceof ActionRequiredError) {
    return error.problems.map(({ subject, problem, remedy: fix }) =>
      failed(`${subject}: ${problem}`, fix),
    );
  }
  if (error instanceof NoAnswerError) return [failed(`There was ${error.message}.`, remedy)];
  if (error instanceof Error && error.name === 'TimeoutError') {
    return [failed('There was no answer in time.', remedy)];
  }
  if (error instanceof MirrorError) {
    // They say what happened in the first sentence, and what to do in the others.
    const [detail = '', ...rest] = error.message.split(/(?<=\.) (?=[A-Z])/);
    return [failed(detail, rest.length === 0 ? remedy : rest.join(' '))];
  }
  return [failed(`The check failed (${nameError(error)}).`, remedy)];
}

function nameError(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /^\w{2,40}$/.test(code) ? code : error.name;
}
