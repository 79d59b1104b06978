/**
 * Prepares the environment for every client of the AWS SDK, so that one rule holds for all services:
 * environment variables first, then the profile in the shared configuration file, then the Region of
 * the instance. The SDK for JavaScript uses an empty variable as it is, and ignores
 * AWS_DEFAULT_REGION, which the AWS CLI reads. Changes `env`.
 */
export function prepareAwsEnvironment(env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('AWS_') && value?.trim() === '') delete env[name];
  }
  if (env.AWS_REGION === undefined && env.AWS_DEFAULT_REGION !== undefined) {
    env.AWS_REGION = env.AWS_DEFAULT_REGION;
  }
}
