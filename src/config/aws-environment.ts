import type { Problem } from '../model/errors.ts';

/** The variables that set the endpoint of a service that the mirror calls. */
export type EndpointVariable =
  | 'AWS_ENDPOINT_URL_S3'
  | 'AWS_ENDPOINT_URL_STS'
  | 'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER';

const ENDPOINT_VARIABLES: readonly (EndpointVariable | 'AWS_ENDPOINT_URL')[] = [
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_STS',
  'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER',
  'AWS_ENDPOINT_URL',
];

/**
 * Prepares the environment for every client of the AWS SDK, so that one rule holds for all services:
 * environment variables first, then the profile in the shared configuration file, then the Region
 * of the instance. The SDK for JavaScript takes an empty variable at its word and ignores
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

/** What is wrong with the endpoints that the environment sets. */
export function endpointProblems(env: Readonly<Record<string, string | undefined>>): Problem[] {
  return ENDPOINT_VARIABLES.flatMap((name) => {
    const url = env[name];
    return (url !== undefined && endpointProblem(name, url)) || [];
  });
}

/** What is wrong with an endpoint, which is not quoted: it can hold a password. Null: nothing is. */
export function endpointProblem(subject: string, url: string): Problem | null {
  const hasScheme = /^https?:\/\//i.test(url);
  if (hasScheme && URL.canParse(url)) return null;
  return {
    subject,
    problem: hasScheme
      ? 'the endpoint is not a valid URL.'
      : 'the endpoint does not begin with http:// or https://.',
    remedy: 'Give a URL such as https://s3.example.com:9000.',
  };
}
