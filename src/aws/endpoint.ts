import { type EndpointVariable, endpointProblem } from '../config/aws-environment.ts';
import { ConfigurationError } from '../model/errors.ts';

/** The part of a client's resolved configuration that looks an endpoint up. */
interface ClientConfig {
  readonly serviceConfiguredEndpoint?: () => Promise<string | undefined>;
}

/**
 * The endpoint that is set for a client's service, wherever the SDK finds it: in the environment or
 * in the profile of the shared configuration file. Undefined where the client uses the AWS one.
 *
 * @param variable the service's own variable.
 * @throws ConfigurationError that names the variable, or the profile and the file.
 */
export async function configuredEndpoint(
  config: ClientConfig,
  variable: EndpointVariable,
): Promise<string | undefined> {
  const url = await config.serviceConfiguredEndpoint?.();
  if (url === undefined) return undefined;
  const { env } = process;
  const set = [variable, 'AWS_ENDPOINT_URL'].find((name) => env[name]);
  const file = env.AWS_CONFIG_FILE ?? '~/.aws/config';
  const subject = set ?? `endpoint_url of the profile ${env.AWS_PROFILE ?? 'default'} in ${file}`;
  const problem = endpointProblem(subject, url);
  if (problem !== null) throw new ConfigurationError([problem]);
  return url;
}
