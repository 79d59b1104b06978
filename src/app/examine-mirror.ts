import type { Config, HttpSettings } from '../config/config.ts';
import type { Examination } from '../doctor/check.ts';
import type { DoctorOptions } from '../doctor/run-doctor.ts';
import type { FullReadiness } from '../http/full-readiness.ts';
import type { Resources } from './resources.ts';

/**
 * Examines what an open mirror depends on. It uses connections of its own, so that it also works where
 * those of the mirror are lost.
 *
 * @param http where this process answers, if it does
 */
export async function examineMirror(
  { config, access, traces }: Pick<Resources, 'config' | 'access' | 'traces'>,
  options: DoctorOptions,
  http: Config['http'] = config.http,
): Promise<Examination> {
  const { runDoctor } = await import('../doctor/run-doctor.ts');
  const context = { access, traces, problems: [], unusable: new Set<string>(), env: {} };
  return runDoctor({ ...context, config: { ...config, http } }, options);
}

/** What `/readyz?full` of a process with these settings answers with. */
export function fullReadiness(resources: Resources, http: HttpSettings): FullReadiness {
  return {
    examine: () => examineMirror(resources, { onlyQuick: true }, http),
    tokens: http.token === null ? [] : [http.token],
  };
}
