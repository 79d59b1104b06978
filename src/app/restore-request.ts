import { ActionRequiredError, type Problem } from '../model/errors.ts';
import { RESTORE_PASSWORDS, type RestorePassword } from '../model/restore.ts';
import { RESTORE_KINDS, type RestoreChoice, type RestoreKind } from '../restore/selection.ts';
import { requirePoolIds } from './snapshot-name.ts';

/** Which part of which snapshot, and for which pool. */
export interface RestoreSelection {
  /** `POOL/POINT` of the database, or the path or URL of a manifest in an archive. */
  readonly from: string;
  /** The id of the pool to write to. */
  readonly to: string;
  /** Usernames, `sub`s or e-mail addresses of the snapshot. */
  readonly users?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  /** By default everything. */
  readonly only?: readonly RestoreKind[] | undefined;
}

/** What to restore, and how. */
export interface RestoreRequest extends RestoreSelection {
  /** By default `random`. */
  readonly password?: RestorePassword | undefined;
  /** The share of the quotas of writes that may be used: over 0, up to 1. By default 0.5. */
  readonly share?: number | undefined;
  /** True: the functions of the target's triggers may run. */
  readonly acceptTriggers?: boolean | undefined;
  /** True: nothing is written. */
  readonly dryRun?: boolean | undefined;
}

/** @throws ActionRequiredError with everything that is wrong with a request */
export function checkRequest(request: RestoreSelection & Partial<RestoreRequest>): RestoreChoice {
  requirePoolIds([request.to], '--to');
  const { users = [], groups = [], only = [], password, share } = request;
  const problems: Problem[] = [];
  if (share !== undefined && !(share > 0 && share <= 1)) {
    const problem = 'must be a number over 0, up to 1.';
    problems.push({ subject: 'share', problem, remedy: 'Give one such as 0.5.' });
  }
  if (password !== undefined && !RESTORE_PASSWORDS.includes(password)) {
    const remedy = `Give one of ${RESTORE_PASSWORDS.join(', ')}.`;
    problems.push({ subject: 'password', problem: 'is unknown.', remedy });
  }
  if (only.some((kind) => !RESTORE_KINDS.includes(kind))) {
    const remedy = `Give some of ${RESTORE_KINDS.join(', ')}.`;
    problems.push({ subject: 'only', problem: 'has an unknown word.', remedy });
  }
  if (problems.length > 0) throw new ActionRequiredError(problems);
  return { users, groups, only };
}
