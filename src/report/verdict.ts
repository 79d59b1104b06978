import { counted, formatCount } from '../common/text.ts';
import type { SnapshotRecord } from '../model/report-source.ts';
import { DATASETS } from '../model/snapshot.ts';
import type { FindingCode } from '../verify/findings.ts';
import type { ArchiveCheck, Judgement, ReportedState, Verdict } from './report.ts';

/** @param to the rows of the snapshot as they are now, which should be those that were published */
export function judge(to: ReportedState, record: SnapshotRecord, archive: ArchiveCheck): Verdict {
  return {
    complete: judgeComplete(to, record),
    intact: judgeIntact(archive, record),
    signed: judgeSigned(archive),
  };
}

/** The findings about signatures. */
const SIGNATURE_CODES: readonly FindingCode[] = [
  'unsigned',
  'bad-signature',
  'unknown-key',
  'expired-key',
];

const yes = (why: string): Judgement => ({ answer: 'yes', why });
const no = (why: string): Judgement => ({ answer: 'no', why });
const unknown = (why: string): Judgement => ({ answer: 'unknown', why });

function judgeComplete(to: ReportedState, { counts, check, work }: SnapshotRecord): Judgement {
  const found = { users: to.users, groups: to.counts.groups, memberships: to.memberships };
  const differing = DATASETS.filter((dataset) => found[dataset] !== counts[dataset]).map(
    (dataset) =>
      `${formatCount(found[dataset])} instead of ${formatCount(counts[dataset])} ${dataset}`,
  );
  if (differing.length > 0) {
    return no(`The rows are not those that were published any more: ${differing.join(', ')}.`);
  }
  if (check === null) {
    return unknown(
      work === null
        ? 'An archive does not record how its snapshots were read.'
        : 'How the snapshot was read is not recorded.',
    );
  }
  if (check.objection !== null) {
    return unknown(`The check held the snapshot, and a person released it. ${check.objection}`);
  }
  const walks = check.walks.reduce((sum, each) => sum + each.walks, 0);
  return yes(
    `All ${counted(walks, 'walk')} through the service's lists reached the last page, and the check passed. ` +
      `${counted(counts.users, 'user')} were read; the service estimated ${formatCount(check.estimatedUsers)}.`,
  );
}

/** What is wrong with signatures has a judgement of its own. Leftovers of other snapshots do not count. */
function judgeIntact(
  { verification, problem }: ArchiveCheck,
  { snapshot }: SnapshotRecord,
): Judgement {
  if (verification === null) return unknown(problem);
  const { objects, objectsRead } = verification;
  const findings = verification.findings.filter(
    (each) =>
      !SIGNATURE_CODES.includes(each.code) && (each.code !== 'extra' || each.snapshot === snapshot),
  );
  if (findings.length > 0) {
    const [first] = findings;
    const more =
      findings.length > 1 ? ` There are ${counted(findings.length, 'finding')} in all.` : '';
    return no(`${first?.code}: ${first?.key}. ${first?.detail}${more}`);
  }
  if (objects === 0)
    return unknown('Its parts were removed from the archive, which a document there says.');
  if (objectsRead < objects) {
    return unknown(`Only ${formatCount(objectsRead)} of ${counted(objects, 'object')} were read.`);
  }
  return yes(
    `All ${counted(objects, 'object')} of the archive were read for this page. Each is what the manifest names, byte by byte.`,
  );
}

function judgeSigned({ verification, problem }: ArchiveCheck): Judgement {
  if (verification === null) return unknown(problem);
  const wrong = verification.findings.find(({ code }) => SIGNATURE_CODES.includes(code));
  if (wrong !== undefined) return no(`${wrong.code}: ${wrong.detail}`);
  const [key] = verification.keys;
  if (key === undefined) return no('The manifest has no signature: no signing key was set.');
  if (key.permission !== 'allowed') {
    return unknown(
      'The signature is sound. Whose key it is was not checked, because no file of allowed signers was given.',
    );
  }
  return yes(`Signed by ${key.principals}, with a key that was allowed to sign at that time.`);
}
