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
