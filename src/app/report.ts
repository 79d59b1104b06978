import { MirrorError } from '../model/errors.ts';
import type { PoolSource, SnapshotRecord } from '../model/report-source.ts';
import { gather, type ReportQuestion } from '../report/gather.ts';
import type { ArchiveCheck, Report } from '../report/report.ts';
import type { CallOptions } from './calls.ts';
import type { MirrorOptions } from './options.ts';

/** What a report is about, and whose keys may have signed. */
export interface ReportOptions extends ReportQuestion, CallOptions {
  /** A file of OpenSSH's allowed signers, with the keys that may sign; by default that of the options. */
  readonly signers?: string | undefined;
}

/** The archive that a report verifies. */
export interface ReportedArchive {
  /** How it is reached, and where it is unless a URL is given. */
  readonly options: MirrorOptions;
  readonly url?: string;
}

/** Makes a report of a pool, and meanwhile verifies the archive of its later snapshot. */
export async function makeReport(
  source: PoolSource,
  { signers, ...question }: ReportOptions,
  { options, url: archive }: ReportedArchive,
  signal: AbortSignal,
): Promise<Report> {
  const { openSigners, runVerify } = await import('./run-verify.ts');
  await openSigners({ signers }, options);
  // Ends the verification if the rest fails.
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  let verifying: Promise<ArchiveCheck> | undefined;
  const check = async (record: SnapshotRecord): Promise<ArchiveCheck> => {
    const { manifest, snapshotAt: at } = record;
    if (manifest === null) return { verification: null, problem: explainMissing(record) };
    const pools = [source.poolId];
    const request = { pools, archive, signers, from: at, to: at, head: manifest.sha256 };
    try {
      const { pools: verified } = await runVerify(request, options, stop);
      const [verification] = verified;
      return verification === undefined
        ? { verification: null, problem: explainMissing(record) }
        : { verification, problem: null };
    } catch (error) {
      // An archive that cannot be read says nothing about the database.
      if (stop.aborted || !(error instanceof MirrorError)) throw error;
      return { verification: null, problem: `The archive was not checked. ${error.message}` };
    }
  };
  const verify = (record: SnapshotRecord) => {
    verifying = check(record);
    return verifying;
  };
  try {
    return await gather(source, verify, question);
  } finally {
    failed.abort();
    await verifying?.catch(() => {});
  }
}

function explainMissing({ reason }: SnapshotRecord): string {
  const problem = 'The snapshot has no archive.';
  return reason === null ? problem : `${problem} ${reason}`;
}
