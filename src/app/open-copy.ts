import type { Destination } from '../archive/destination.ts';
import { openDestination } from '../archive/open-destination.ts';
import type { AwsAccess } from '../aws/access.ts';
import { SETTINGS } from '../config/settings.ts';
import { ActionRequiredError } from '../model/errors.ts';

/**
 * Opens an archive that a person names, such as a copy, for reading.
 *
 * @throws ActionRequiredError if the URL is invalid
 */
export async function openCopy(url: string, access: AwsAccess): Promise<Destination> {
  const { schema, remedy } = SETTINGS.archiveUrl;
  const { error } = schema.safeParse(url);
  if (error) throw ActionRequiredError.of('archive', error.issues[0]?.message ?? '', remedy);
  return openDestination(url, { access });
}

export function noArchiveError(url: string): ActionRequiredError {
  return ActionRequiredError.of(
    url,
    'there is no archive: it has no manifest.',
    'Give the URL of the folder or prefix that holds `manifests/`, with --archive or ARCHIVE_URL.',
  );
}
