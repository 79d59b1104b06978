/** The oldest Node that this program runs on; `engines` of package.json says the same. */
const OLDEST = [20, 19];

/** A sentence for the person whose Node is too old, or null. */
export function nodeTooOld(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = OLDEST;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return null;
  return `this is Node ${version}, and Node ${OLDEST.join('.')} or newer is needed. Install one from https://nodejs.org, or with your version manager (\`nvm install 22\`), and run this again.`;
}
