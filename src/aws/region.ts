import {
  loadConfig,
  NODE_REGION_CONFIG_FILE_OPTIONS,
  NODE_REGION_CONFIG_OPTIONS,
} from '@smithy/core/config';

/**
 * The Region that the SDK takes where none is given: AWS_REGION (for which AWS_DEFAULT_REGION stands
 * in, see `prepareAwsEnvironment`), the profile's, the instance's; null where none is set.
 */
export async function configuredRegion(): Promise<string | null> {
  try {
    return await loadConfig(NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS)();
  } catch (error) {
    if (error instanceof Error && error.message === 'Region is missing') return null;
    throw error;
  }
}
