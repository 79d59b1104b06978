import { fileURLToPath } from 'node:url';

/** What is wrong with the URL of an archive, quoting nothing of it; null where nothing is. */
export function archiveUrlProblem(text: string): string | null {
  if (!URL.canParse(text)) return 'the value is no URL.';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return 'the URL holds more than a bucket or folder and its prefix.';
  }
  switch (url.protocol) {
    case 's3:':
      // Lengths and characters of general purpose buckets, old ones included.
      return /^[\w.-]{3,255}$/.test(url.host) ? null : 'the URL names no S3 bucket.';
    case 'file:':
      return folderProblem(url);
    default:
      return 'the URL begins with neither s3:// nor file:///.';
  }
}

function folderProblem(url: URL): string | null {
  if (url.host.startsWith('~')) return pathProblem(url.host);
  try {
    return pathProblem(fileURLToPath(url));
  } catch {
    return 'the URL names no folder of this machine.';
  }
}

/** What is wrong with a path as a person wrote it; null where nothing is. */
export function pathProblem(path: string): string | null {
  if (/\p{Cc}/u.test(path)) return 'the path has a line break or another control character.';
  if (/^\/?~/.test(path)) {
    return 'the path begins with ~, which only a shell replaces by the home folder.';
  }
  return null;
}
