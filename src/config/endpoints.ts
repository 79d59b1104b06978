import type { Problem } from '../model/errors.ts';

const ENDPOINT_VARIABLES = [
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_KMS',
  'AWS_ENDPOINT_URL_STS',
  'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER',
  'AWS_ENDPOINT_URL',
] as const;

/** The variables that set the endpoint of one service that the mirror calls. */
export type EndpointVariable = Exclude<(typeof ENDPOINT_VARIABLES)[number], 'AWS_ENDPOINT_URL'>;

/** The problems of the endpoints that the environment sets. */
export function findEndpointProblems(env: Readonly<Record<string, string | undefined>>): Problem[] {
  return ENDPOINT_VARIABLES.flatMap((name) => findEndpointProblem(name, env[name]) ?? []);
}

/** The problem of an endpoint, or null. It does not quote the URL, which can hold a password. */
export function findEndpointProblem(subject: string, url: string | undefined): Problem | null {
  if (url === undefined) return null;
  const hasScheme = /^https?:\/\//i.test(url);
  if (hasScheme && URL.canParse(url)) return null;
  return {
    subject,
    problem: hasScheme
      ? 'the endpoint must be a valid URL.'
      : 'the endpoint must start with http:// or https://.',
    remedy: 'Give a URL such as https://s3.example.com:9000.',
  };
}
