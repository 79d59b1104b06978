import type { Examination } from '../doctor/check.ts';
import type { DoctorOptions } from '../doctor/run-doctor.ts';
import { ActionRequiredError, explainAbort, type Problem } from '../model/errors.ts';
import type { LoadedOptions } from './options.ts';

/** What is examined, and how. */
export interface ExamineOptions extends DoctorOptions {
  /** The pools to examine; by default those of COGNITO_POOLS. */
  readonly pools?: readonly string[];
}

/**
 * Examines everything that a mirror with these environment variables depends on. Where `loadOptions`
 * would refuse settings, it reports them and examines what does not depend on them. It creates nothing,
 * except objects and keys on trial that it removes again.
 *
 * @throws ActionRequiredError for a problem that no setting causes
 * @throws InterruptedError if the signal fires
 */
export async function examine(
  env: Readonly<Record<string, string | undefined>>,
  { pools = [], ...options }: ExamineOptions = {},
): Promise<Examination> {
  const [{ toAccess, toConfig }, { runDoctor }] = await Promise.all([
    import('./to-config.ts'),
    import('../doctor/run-doctor.ts'),
  ]);
  const { loaded, problems, unusable } = await readUsable(env, pools);
  const context = {
    config: { ...toConfig(loaded), http: loaded.http },
    access: toAccess(loaded),
    problems,
    unusable,
    traces: loaded.traces ?? false,
    env: { ...env },
  };
  try {
    return await runDoctor(context, options);
  } catch (error) {
    throw options.signal ? explainAbort(error, options.signal) : error;
  }
}

interface Usable {
  readonly loaded: LoadedOptions;
  readonly problems: readonly Problem[];
  /** The variables that were left out because they are wrong. */
  readonly unusable: ReadonlySet<string>;
}

/** Reads the settings that are right. Those that are wrong count as unset. */
async function readUsable(env: NodeJS.ProcessEnv, pools: readonly string[]): Promise<Usable> {
  const { loadOptions } = await import('./load.ts');
  const left = { ...env };
  const problems: Problem[] = [];
  const unusable = new Set<string>();
  let named = pools;
  for (;;) {
    try {
      return { loaded: await loadOptions(left, { pools: named }), problems, unusable };
    } catch (error) {
      if (!(error instanceof ActionRequiredError)) throw error;
      const isAbout = (text: string) => error.problems.some(({ subject }) => subject === text);
      const causes = findCauses(error.problems, left);
      const areNamedWrong = isAbout('POOL') && named.length > 0;
      const isFolderGone = isAbout('working folder') && left.MIRROR_HOME !== '/';
      // With nothing to leave out, the next try would end the same.
      if (causes.length === 0 && !areNamedWrong && !isFolderGone) throw error;
      problems.push(...error.problems);
      if (areNamedWrong) named = [];
      for (const name of causes) {
        unusable.add(name);
        delete left[name];
      }
      // The folder of the process is gone, so a relative path leads nowhere.
      if (isFolderGone) {
        unusable.add('MIRROR_HOME');
        left.MIRROR_HOME = '/';
      }
    }
  }
}

/** The variables to leave out: those at fault, or else those that a message names. */
function findCauses(problems: readonly Problem[], env: NodeJS.ProcessEnv): string[] {
  const isSet = (name: string) => env[name] !== undefined;
  const atFault = problems.map(({ subject }) => subject.split(' ')[0] ?? '').filter(isSet);
  if (atFault.length > 0) return atFault;
  const texts = problems.map(({ subject, problem, remedy }) => `${subject} ${problem} ${remedy}`);
  return texts.flatMap((text) => text.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? []).filter(isSet);
}
