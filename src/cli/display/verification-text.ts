import { formatBytes } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { counted, formatCount } from '../../common/text.ts';
import {
  type ArchiveFindings,
  FINDING_CODES,
  type Finding,
  type PoolVerification,
  type Verification,
} from '../../index.ts';
import { pad, wrap } from './text-width.ts';

/** Findings of one code that are shown; `--json` has all. */
const MAX_SHOWN = 20;
const LABEL_WIDTH = 11;

/**
 * What `verify` found, in lines of at most `width` columns: for each pool its counts, then the findings
 * by code; then what is outside of pools. Keys and hashes are not wrapped, so that they can be copied.
 */
export function formatVerification({ pools, outside }: Verification, width: number): string {
  const sections = [
    ...pools.map((pool) => [
      ...formatSummary(pool, width),
      ...(pool.findings.length > 0 ? ['', ...formatFindings(pool.findings, width)] : []),
    ]),
    ...outside.map((archive) => formatOutside(archive, width)),
  ];
  return sections.map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n');
}

function formatOutside({ url, findings }: ArchiveFindings, width: number): string[] {
  const verdict = `${counted(findings.length, 'finding')} outside of pools`;
  return [`${printable(url)}: ${verdict}`, '', ...formatFindings(findings, width)];
}

function formatSummary(pool: PoolVerification, width: number): string[] {
  const {
    poolId,
    snapshots,
    removedSnapshots,
    range,
    objects,
    objectsRead,
    bytes,
    head,
    findings,
    unreadParquet,
  } = pool;
  const clean = snapshots === 0 ? 'nothing to verify' : 'valid';
  const verdict = findings.length === 0 ? clean : counted(findings.length, 'finding');
  const lines = [`${poolId}: ${verdict}`];
  const add = (label: string, text: string) =>
    lines.push(...wrap(`  ${pad(label, LABEL_WIDTH)}`, printable(text), width));
  add('archive', pool.url);
  add(
    'snapshots',
    range === null ? 'none' : `${formatCount(snapshots)}, ${range.from} to ${range.to}`,
  );
  if (removedSnapshots > 0) {
    add('', `Retention removed the objects of ${formatCount(removedSnapshots)} of them.`);
  }
  const read = objectsRead === objects ? '' : `, of which ${formatCount(objectsRead)} were read`;
  add('objects', `${formatCount(objects)}, ${formatBytes(bytes)}${read}`);
  if (unreadParquet > 0) {
    const parts = counted(unreadParquet, 'Parquet object');
    add('', `DuckDB is not installed: of ${parts} only bytes and hashes were checked.`);
  }
  const { locked, unseen } = pool.locks;
  if (locked > 0) add('locks', `${counted(locked, 'object')}, as the manifests promise`);
  if (unseen !== null) add('locks', UNSEEN_LOCKS[unseen]);
  if (pool.unseenVersions) add('versions', 'not looked at: that needs s3:ListBucketVersions');
  for (const line of describeSignatures(pool)) add('signed by', line);
  if (head !== null)
    lines.push(
      `  ${pad('head', LABEL_WIDTH)}${head.snapshot}, the newest of ${counted(head.snapshots, 'snapshot')}; SHA-256`,
      `  ${head.sha256}`,
    );
  return lines;
}

function describeSignatures({ documents, keys }: PoolVerification): string[] {
  const signed = keys.reduce((sum, key) => sum + key.documents, 0);
  const rest = documents - signed;
  return [
    ...keys.map(({ fingerprint, permission, principals, documents: own }) => {
      const who = permission === 'allowed' ? principals : PERMISSIONS[permission];
      return `${fingerprint}: ${counted(own, 'document')} (${who})`;
    }),
    ...(rest > 0 ? [`unsigned: ${counted(rest, 'document')}`] : []),
  ];
}

const UNSEEN_LOCKS = {
  hidden: 'not checked: that needs s3:GetObjectRetention',
  unsupported: 'not checked: this copy is in a place without Object Lock',
};

const PERMISSIONS = {
  refused: 'not allowed by --signers',
  unchecked: 'not checked whose key this is: give --signers',
};

function formatFindings(findings: readonly Finding[], width: number): string[] {
  return FINDING_CODES.flatMap((code) => {
    const own = findings.filter((finding) => finding.code === code);
    if (own.length === 0) return [];
    const shown = own
      .slice(0, MAX_SHOWN)
      .flatMap(({ key, detail }) => [
        `    ${printable(key)}`,
        ...wrap('      ', printable(detail), width),
      ]);
    const more = own.length - MAX_SHOWN;
    return [
      `  ${code}: ${formatCount(own.length)}`,
      ...shown,
      ...(more > 0 ? [`    and ${formatCount(more)} more; --json has all`] : []),
    ];
  });
}
