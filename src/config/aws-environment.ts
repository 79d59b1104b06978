import { ConfigurationError, type Problem } from '../model/errors.ts';

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

const REMEDY = 'Give a URL such as https://s3.example.com:9000.';

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

/** What is wrong with the endpoints that the environment sets; the values are not quoted. */
export function endpointProblems(env: Readonly<Record<string, string | undefined>>): Problem[] {
  return ENDPOINT_VARIABLES.flatMap((subject) => {
    const problem = endpointProblem(env[subject]);
    return problem === null ? [] : [{ subject, problem, remedy: REMEDY }];
  });
}

/**
 * Checks the endpoint that the SDK found for a service.
 *
 * @param variable the service's own variable; where the environment sets none, the URL comes from
 *   the shared configuration file.
 * @throws ConfigurationError that names the variable, or the profile and the file.
 */
export function requireEndpoint(
  url: string | undefined,
  variable: EndpointVariable,
  env: NodeJS.ProcessEnv = process.env,
): void {
  const problem = endpointProblem(url);
  if (problem === null) return;
  const set = [variable, 'AWS_ENDPOINT_URL'].find((name) => env[name]);
  const file = env.AWS_CONFIG_FILE ?? '~/.aws/config';
  const subject = set ?? `endpoint_url of the profile ${env.AWS_PROFILE ?? 'default'} in ${file}`;
  throw new ConfigurationError([{ subject, problem, remedy: REMEDY }]);
}

function endpointProblem(url: string | undefined): string | null {
  if (url === undefined) return null;
  if (!/^https?:\/\//i.test(url)) return 'the endpoint does not begin with http:// or https://.';
  return URL.canParse(url) ? null : 'the endpoint is not a valid URL.';
}
