import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import type { DestinationFacts } from '../archive/destination.ts';
import { quoteWord } from '../common/command.ts';
import { formatBytes } from '../common/format.ts';
import { getErrorCode } from '../common/system.ts';
import type { ExaminedArchive } from './archives.ts';
import { type CheckDefinition, type CheckResult, failed, ok, okWithout, warning } from './check.ts';
import { findExisting, readFreeBytes } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

const REACH = 'Check the network, HTTPS_PROXY, and AWS_ENDPOINT_URL_S3 if it is set.';
/** Room for some snapshots of a large pool. */
const LEAST_FREE_BYTES = 5_000_000_000;
/** Others may neither read nor write an archive of personal data. */
const OF_OTHERS = 0o007;

const urls = async ({ archives }: Surroundings) => [...(await archives()).keys()];
const buckets = async (surroundings: Surroundings) =>
  (await urls(surroundings)).filter((url) => url.startsWith('s3:'));
const folders = async (surroundings: Surroundings) =>
  (await urls(surroundings)).filter((url) => url.startsWith('file:'));

/** A check of a bucket: there is nothing to check if its trial failed. */
function examineBucket(
  examine: (
    settings: DestinationFacts,
    archive: ExaminedArchive,
    url: string,
  ) => Promise<CheckResult[]>,
): CheckDefinition['examine'] {
  return async ({ tryArchive }, signal, url) => {
    const archive = await tryArchive(url).catch(() => null);
    if (archive === null) return [];
    return examine(await archive.destination.inspect(signal), archive, url);
  };
}

const trialCheck: CheckDefinition = {
  id: 'archive',
  title: 'Archive',
  examines:
    'whether each archive can be listed, written, read and cleared, with an object on trial; whether it can be locked, if that is set',
  isQuick: false,
  remedy: REACH,
  subjects: urls,
  examine: async ({ archives, tryArchive, config }, _, url) => {
    const folder = (await archives()).get(url)?.destination.localPath('');
    if (folder && (await findExisting(folder)) !== folder) return checkMissing(folder);
    const { lockMode } = await tryArchive(url);
    const formats = config.archiveFormats.join(', ');
    const storage = config.archiveStorageClass ?? null;
    const facts = [
      `formats ${formats}`,
      ...(storage === null || folder ? [] : [`storage class ${storage}`]),
      ...(lockMode === null ? [] : [`locks in ${lockMode} mode`]),
    ];
    const tried = folder
      ? 'A file was written and deleted'
      : 'An object was written, read and deleted';
    return [ok(`${tried} (${facts.join(', ')}).`)];
  },
};

/** A folder that does not exist is made by the first run, if it may. */
async function checkMissing(folder: string): Promise<CheckResult[]> {
  const parent = await findExisting(folder);
  try {
    await access(parent, constants.W_OK | constants.X_OK);
    return [ok('The folder does not exist yet: the first run makes it.')];
  } catch (error) {
    const detail = `The folder cannot be made in ${parent} (${getErrorCode(error)}).`;
    return [failed(detail, 'Let this user write there, or set ARCHIVE_URL to another folder.')];
  }
}

const protectionCheck: CheckDefinition = {
  id: 'archive-protection',
  title: 'Protection of',
  examines: 'whether each bucket keeps versions, encrypts and locks objects',
  isQuick: false,
  remedy: REACH,
  subjects: buckets,
  examine: examineBucket(async ({ keepsVersions, encryption }, { lockMode }, url) => {
    const bucket = new URL(url).host;
    const encrypted = encryption === null ? 'encryption unknown' : `encrypted with ${encryption}`;
    const locked = lockMode === null ? 'no locks' : `locks in ${lockMode} mode`;
    if (keepsVersions) return [ok(`Versions are kept, ${encrypted}, ${locked}.`)];
    return [
      warning(
        `No versions are kept (${encrypted}, ${locked}): what is deleted or overwritten is lost.`,
        `Run \`aws s3api put-bucket-versioning --bucket ${bucket} --versioning-configuration Status=Enabled\`. ARCHIVE_LOCK_MODE can then lock what is sealed.`,
      ),
    ];
  }),
};

const lifecycleCheck: CheckDefinition = {
  id: 'archive-lifecycle',
  title: 'Lifecycle rules of',
  examines:
    'whether a rule of each bucket aborts unfinished uploads, and none expires or moves manifests',
  isQuick: false,
  remedy: REACH,
  subjects: buckets,
  examine: examineBucket(async ({ lifecycle }) => {
    if (lifecycle === null) {
      return [ok('Unknown: reading them needs the action s3:GetLifecycleConfiguration.')];
    }
    const { abortsUploadsAfterDays: days, ofManifests } = lifecycle;
    const results: CheckResult[] = [];
    if (days === null) {
      results.push(
        warning(
          'None aborts unfinished uploads, which a killed run leaves and AWS charges for.',
          'Add a rule with `AbortIncompleteMultipartUpload` after 1 day, for the prefix of the archive.',
        ),
      );
    }
    if (ofManifests.length > 0) {
      results.push(
        failed(
          `Rules expire or move manifests: ${ofManifests.join(', ')}.`,
          'Exclude `manifests/` from them: without its manifests an archive cannot be verified.',
        ),
      );
    }
    return okWithout(results, `Unfinished uploads are aborted after ${days} d.`);
  }),
};

const folderCheck: CheckDefinition = {
  id: 'archive-folder',
  title: 'Folder of',
  examines: 'the owner and the rights of each folder, and how much space is free there',
  isQuick: true,
  remedy: 'Set ARCHIVE_URL to a folder of this user.',
  subjects: folders,
  examine: async ({ archives }, _, url) => {
    const folder = (await archives()).get(url)?.destination.localPath('') ?? '';
    if ((await findExisting(folder)) !== folder) return [];
    const { mode, uid } = await stat(folder);
    const free = await readFreeBytes(folder);
    const results: CheckResult[] = [];
    if ((mode & OF_OTHERS) !== 0) {
      results.push(
        warning(
          'Other users of this machine may enter the folder, which holds personal data.',
          `Run \`chmod o= ${quoteWord(folder)}\`.`,
        ),
      );
    }
    const own = process.getuid?.();
    if (own !== undefined && uid !== own) {
      results.push(
        warning(
          `The folder belongs to user id ${uid}, and this is ${own}.`,
          `Run the program as that user, or \`chown ${own} ${quoteWord(folder)}\`.`,
        ),
      );
    }
    if (free < LEAST_FREE_BYTES) {
      results.push(
        warning(
          `Only ${formatBytes(free)} are free there.`,
          'Free space, or let ARCHIVE_KEEP remove old snapshots.',
        ),
      );
    }
    return okWithout(results, `Private, ${formatBytes(free)} free.`);
  },
};

export const archiveChecks: readonly CheckDefinition[] = [
  trialCheck,
  protectionCheck,
  lifecycleCheck,
  folderCheck,
];
