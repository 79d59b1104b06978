import { type CheckDefinition, failed, ok } from './check.ts';

/** The settings: every problem of the variables and of the file. */
export const configurationCheck: CheckDefinition = {
  id: 'configuration',
  title: 'Configuration',
  examines: 'every variable, and the file of `MIRROR_CONFIG`. All problems are listed',
  isQuick: true,
  remedy: 'See docs/CONFIGURATION.md.',
  examine: async ({ context: { problems, env } }) => {
    if (problems.length > 0) {
      return problems.map(({ subject, problem, remedy }) =>
        failed(`${subject}: ${problem}`, `${subject}: ${remedy}`),
      );
    }
    const file = env['MIRROR_CONFIG']?.trim();
    return [ok(file ? `Every setting is valid, also in ${file}.` : 'Every setting is valid.')];
  },
};
