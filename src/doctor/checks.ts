import { archiveChecks } from './archive.ts';
import { awsChecks } from './aws.ts';
import type { CheckDefinition } from './check.ts';
import { clockChecks } from './clocks.ts';
import { configurationCheck } from './configuration.ts';
import { keyChecks } from './keys.ts';
import { homeCheck } from './machine.ts';
import { nodeCheck } from './node.ts';
import { outsideChecks } from './outside.ts';
import { packagesCheck } from './packages.ts';
import { postgresChecks } from './postgres.ts';
import { quotaCheck } from './quota.ts';
import { redisChecks } from './redis.ts';
import { scheduleChecks } from './schedules.ts';

/**
 * Every check, in the order in which results are shown. The command, the dashboard, `/readyz?full` and
 * docs/DOCTOR.md take theirs from this list.
 */
export const CHECKS: readonly CheckDefinition[] = [
  nodeCheck,
  packagesCheck,
  configurationCheck,
  homeCheck,
  ...awsChecks,
  quotaCheck,
  ...postgresChecks,
  ...redisChecks,
  ...archiveChecks,
  ...keyChecks,
  ...clockChecks,
  ...scheduleChecks,
  ...outsideChecks,
];
