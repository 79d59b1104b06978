import type { AwsAccess } from '../aws/access.ts';
import type { Config } from '../config/config.ts';
import type { Problem } from '../model/errors.ts';

/** What an examination starts from. */
export interface DoctorContext {
  /** The settings that are right; the others have their defaults. */
  readonly config: Config;
  readonly access: AwsAccess;
  /** The settings that are wrong. */
  readonly problems: readonly Problem[];
  /** Their variables. Nothing that depends on one of them is examined. */
  readonly unusable: ReadonlySet<string>;
  /** The environment variables, for what other programs read of them. Empty for a library. */
  readonly env: NodeJS.ProcessEnv;
}

/** What the checks look at. What several of them need is opened once, on first use. */
export class Surroundings {
  readonly context: DoctorContext;

  constructor(context: DoctorContext) {
    this.context = context;
  }

  get config(): Config {
    return this.context.config;
  }

  /** True if the setting is right, or is not set. */
  readonly isUsable = (variable: string): boolean => !this.context.unusable.has(variable);

  /** Closes what the checks opened. */
  async close(): Promise<void> {}
}
