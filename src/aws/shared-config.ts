import {
  loadConfig,
  NODE_REGION_CONFIG_FILE_OPTIONS,
  NODE_REGION_CONFIG_OPTIONS,
} from '@smithy/core/config';
import { type EndpointVariable, findEndpointProblem } from '../config/endpoints.ts';
import { ActionRequiredError } from '../model/errors.ts';

/**
 * The SDK's default Region: AWS_REGION (or AWS_DEFAULT_REGION, see `prepareAwsEnvironment`), then the
 * Region of the profile. Null if neither is set.
 */
export async function configuredRegion(): Promise<string | null> {
  try {
    return await loadConfig(NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS)();
  } catch (error) {
    if (error instanceof Error && error.message === 'Region is missing') return null;
    throw error;
  }
}

/** The part of a client's resolved configuration that finds an endpoint. */
interface ClientConfig {
  readonly serviceConfiguredEndpoint?: () => Promise<string | undefined>;
}

/**
 * The endpoint configured for a client's service, in the environment or in the profile of the shared
 * config file. Undefined if the client uses the endpoint of AWS.
 *
 * @param variable the service's own variable.
 * @throws ActionRequiredError that names the variable, or the profile and the file.
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
  const problem = findEndpointProblem(subject, url);
  if (problem !== null) throw new ActionRequiredError([problem]);
  return url;
}
