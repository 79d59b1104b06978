import { GetBucketLifecycleConfigurationCommand, type LifecycleRule } from '@aws-sdk/client-s3';
import type { Lifecycle } from '../destination.ts';
import type { Bucket } from './bucket.ts';
import { getErrorName, getHttpStatus } from './s3-errors.ts';

/** Answers of servers that do not have the call, or do not let this caller make it. */
const UNKNOWN_STATUS = [403, 404, 405, 501];

/** Reads the lifecycle rules of a bucket. Null if this caller may not see them. */
export async function readLifecycle(
  { client, name: Bucket, prefix }: Bucket,
  options: { readonly abortSignal: AbortSignal },
): Promise<Lifecycle | null> {
  try {
    const command = new GetBucketLifecycleConfigurationCommand({ Bucket });
    const { Rules = [] } = await client.send(command, options);
    return toLifecycle(Rules, prefix);
  } catch (error) {
    if (getErrorName(error) === 'NoSuchLifecycleConfiguration') return toLifecycle([], prefix);
    if (UNKNOWN_STATUS.includes(getHttpStatus(error) ?? 0)) return null;
    throw error;
  }
}

function toLifecycle(rules: readonly LifecycleRule[], prefix: string): Lifecycle {
  const enabled = rules.filter(({ Status }) => Status === 'Enabled');
  const days = enabled
    .filter((rule) => concerns(rule, prefix))
    .flatMap(({ AbortIncompleteMultipartUpload: abort }) => abort?.DaysAfterInitiation ?? []);
  const ofManifests = enabled
    .filter((rule) => concerns(rule, `${prefix}manifests/`))
    .filter(
      ({ Expiration, Transitions = [] }) => Expiration !== undefined || Transitions.length > 0,
    );
  return {
    abortsUploadsAfterDays: days.length === 0 ? null : Math.min(...days),
    ofManifests: ofManifests.map(({ ID }) => ID ?? 'without an id'),
  };
}

/** True if a rule concerns every object below a prefix. Rules by tags or sizes do not. */
function concerns({ Filter, Prefix }: LifecycleRule, prefix: string): boolean {
  if (Filter?.And !== undefined || Filter?.Tag !== undefined) return false;
  return prefix.startsWith(Filter?.Prefix ?? Prefix ?? '');
}
