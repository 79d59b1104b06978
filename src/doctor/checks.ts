import type { CheckDefinition } from './check.ts';
import { configurationCheck } from './configuration.ts';
import { nodeCheck } from './node.ts';
import { packagesCheck } from './packages.ts';

/**
 * Every check, in the order in which results are shown. The command, the dashboard, `/readyz?full` and
 * docs/DOCTOR.md take theirs from this list.
 */
export const CHECKS: readonly CheckDefinition[] = [nodeCheck, packagesCheck, configurationCheck];
