import type { AwsAccess } from '../aws/access.ts';
import type { RetryPolicy } from '../cognito/call.ts';
import type { Config } from '../config/config.ts';
import type { Problem } from '../model/errors.ts';
import { createLogger } from '../telemetry/logger.ts';

/** What an examination starts from. */
export interface DoctorContext {
  /** The settings that are right; the others have their defaults. */
  readonly config: Config;
  readonly access: AwsAccess;
  /** The settings that are wrong. */
  readonly problems: readonly Problem[];
  /** Their variables. Nothing that depends on one of them is examined. */
  readonly unusable: ReadonlySet<string>;
  /** True if runs are traced, as the `OTEL_…` variables say. */
  readonly traces: boolean;
  /** The environment variables, for what other programs read of them. Empty for a library. */
  readonly env: NodeJS.ProcessEnv;
}

/** Two attempts and a few seconds of throttling: a person waits. */
export const QUICK_CALLS: RetryPolicy = {
  attemptMs: 8_000,
  faults: 1,
  faultBaseMs: 100,
  faultCapMs: 200,
  throttledForMs: 3_000,
  throttledBaseMs: 200,
  throttledCapMs: 1_000,
};

/** Results say what went wrong, so calls log nothing. */
export const SILENT = createLogger({ level: 'silent' });
