const FAULTS = 'test/faults/faults.test.ts';

/**
 * What is broken, where, and by which tests it should be caught. `from` is once in its file.
 *
 * @type {{ invariant: number, what: string, file: string, from: string, to: string, tests: string[] }[]}
 */
export const BREAKAGES = [
  {
    invariant: 1,
    what: 'the token is committed separately from the rows',
    file: 'src/postgres/store/commit-pages.ts',
    from: '  const staged = await db.query<{ id: number }>({',
    to: `  await db.query(
    \`UPDATE \${t.walks} AS w SET token = c.token, token_at = clock_timestamp() FROM jsonb_to_recordset($1) AS c (walk integer, token text)
     WHERE w.id = c.walk AND c.token IS NOT NULL\`, [JSON.stringify(checkpoints)]);
  const staged = await db.query<{ id: number }>({`,
    tests: ['test/postgres/stage.test.ts', 'test/sync/resume.test.ts', FAULTS],
  },
  {
    invariant: 2,
    what: 'a walk stops at an empty page',
    file: 'src/cognito/pages.ts',
    from: 'yield page;\n    if (page.nextToken === null) return;',
    to: 'yield page;\n    if (page.nextToken === null || page.items.length === 0) return;',
    tests: ['test/cognito/client.test.ts', FAULTS],
  },
  {
    invariant: 3,
    what: 'users and memberships are published in two transactions',
    file: 'src/postgres/store/publish.ts',
    from: '      await publishGroups(client, lease);',
    to: `      await client.query('COMMIT');
      await client.query('BEGIN');
      await publishGroups(client, lease);`,
    tests: ['test/cli/interrupt.test.ts', FAULTS],
  },
  {
    invariant: 4,
    what: 'missing users are not confirmed',
    file: 'src/snapshot/confirm-removals.ts',
    from: 'if (count === 0) return { missing: 0',
    to: 'if (count >= 0) return { missing: 0',
    tests: ['test/sync/held.test.ts'],
  },
  {
    invariant: 4,
    what: 'a snapshot is checked though a walk is open',
    file: 'src/postgres/store/merge-reads.ts',
    from: 'if (rowCount(open) === 0) return;',
    to: 'if (rowCount(open) >= 0) return;',
    tests: ['test/postgres/stage.test.ts'],
  },
  {
    invariant: 5,
    what: "the snapshot's lease is not checked",
    file: 'src/postgres/store/leases.ts',
    from: 'if (held.rowCount === 0) throw',
    to: 'if (held.rowCount === -1) throw',
    tests: ['test/postgres/stage.test.ts', 'test/worker/frozen.test.ts'],
  },
  {
    invariant: 5,
    what: "a page is committed without the walk's lease",
    file: 'src/postgres/store/commit-pages.ts',
    from: 'w.attempt = c.attempt AND w.lease = c.lease AND',
    to: 'w.attempt = c.attempt AND',
    tests: ['test/postgres/stage.test.ts', 'test/worker/frozen.test.ts'],
  },
  {
    invariant: 6,
    what: 'retries pass no bucket',
    file: 'src/cognito/call.ts',
    from: '      return buckets.run(operation, poolId',
    to: `      if (attempt > 1) return send(attempt, askedAt);
      return buckets.run(operation, poolId`,
    tests: ['test/cognito/quota.test.ts', 'test/sync/quota.test.ts'],
  },
  {
    invariant: 7,
    what: 'parts have their rows in no order',
    file: 'src/postgres/store/snapshot-rows.ts',
    from: '    ORDER BY username`,',
    to: '    ORDER BY random()`,',
    tests: ['test/sync/archive.test.ts', FAULTS],
  },
  {
    invariant: 7,
    what: 'unchanged rows are written again',
    file: 'src/postgres/store/publish-users.ts',
    from: 's.attributes IS NOT NULL\n         AND (',
    to: 's.attributes IS NOT NULL\n         OR (',
    tests: ['test/postgres/publish.test.ts', 'test/sync/changes.test.ts'],
  },
  {
    invariant: 8,
    what: 'stored objects are not verified',
    file: 'src/archive/s3/s3-destination.ts',
    from: 'if (await this.#isWhole(key, file, checksum, signal)) return versionId ?? null;',
    to: 'if (file.bytes >= 0) return versionId ?? null;',
    tests: ['test/archive/s3.test.ts', FAULTS],
  },
  {
    invariant: 8,
    what: 'the manifest is written before the parts are stored',
    file: 'src/archive/write-parts.ts',
    from: '    const versionId = await destination.put(key, file, signal);\n    await unlink(path);',
    to: `    const versionId = null;
    setTimeout(() => void destination.put(key, file, signal).catch(() => {}), 500);`,
    tests: ['test/archive/write-archive.test.ts'],
  },
  {
    invariant: 9,
    what: 'a log line names a user',
    file: 'src/snapshot/walk-users.ts',
    from: '    countPage(tally, page.items.length);',
    to: `    countPage(tally, page.items.length);
    log.info({ first: page.items[0]?.username }, 'a page was read');`,
    tests: ['test/cli/sync.test.ts', FAULTS],
  },
  {
    invariant: 10,
    what: 'row groups are as large as they come',
    file: 'src/archive/parquet.ts',
    from: 'return Math.min(ROW_GROUP_ROWS, Math.max(1, fitting));',
    to: 'return fitting > 0 ? 1_000_000 : 1_000_000;',
    tests: ['test/archive/parquet.test.ts'],
  },
  {
    invariant: 11,
    what: 'text that Postgres cannot hold is cut',
    file: 'src/model/storable.ts',
    from: '  return text.replace(TO_ESCAPE, (unit) =>',
    to: "  if (text !== '') return text.replace(TO_ESCAPE, '');\n  return text.replace(TO_ESCAPE, (unit) =>",
    tests: ['test/cognito/normalise.test.ts', 'test/sync/snapshot.test.ts'],
  },
  {
    invariant: 12,
    what: 'a stage that a crash emptied is taken for the pool',
    file: 'src/postgres/store/stage.ts',
    from: 'if (rowCount(walks) > 0) return;',
    to: 'if (rowCount(walks) >= 0) return;',
    tests: ['test/postgres/publish.test.ts', 'test/sync/meanwhile.test.ts'],
  },
  {
    invariant: 13,
    what: 'rows that others changed count as intact',
    file: 'src/postgres/store/drift.ts',
    from: ') = 0\n       AND count(*) IS NOT DISTINCT FROM',
    to: ') >= 0\n       AND count(*) IS NOT DISTINCT FROM',
    tests: ['test/postgres/drift.test.ts', 'test/sync/drift.test.ts'],
  },
  {
    invariant: 14,
    what: 'a signature of other bytes counts as sound',
    file: 'src/signature/sshsig.ts',
    from: 'if (!isValid) return',
    to: 'if (false) return',
    tests: ['test/signature/sshsig.test.ts', 'test/verify/altered.test.ts'],
  },
  {
    invariant: 14,
    what: 'what follows the sealed bytes of an object is not noticed',
    file: 'src/verify/check-object.ts',
    from: 'return found.bytes > sealed.bytes ?',
    to: 'return false ?',
    tests: ['test/verify/altered.test.ts'],
  },
  {
    invariant: 15,
    what: 'objects are deleted before the removal is stored',
    file: 'src/retention/remove-objects.ts',
    from: '  await storeRemoval(destination, request, { ...options, folder });',
    to: '  await destination.delete(objects, signal);\n  await storeRemoval(destination, request, { ...options, folder });',
    tests: ['test/retention/prune-killed.test.ts'],
  },
  {
    invariant: 15,
    what: 'locks are not looked for before a deletion',
    file: 'src/retention/prune-archive.ts',
    from: 'const locked = await destination.findProtected(named, signal);',
    to: 'const locked: ProtectedObject[] = [];',
    tests: ['test/retention/prune-bucket.test.ts'],
  },
  {
    invariant: 16,
    what: 'a user is not noted before it is created',
    file: 'src/restore/write-task.ts',
    from: "    await this.#deps.journal.record({ event: 'begun', name: username });\n",
    to: '',
    tests: ['test/restore/killed.test.ts'],
  },
  {
    invariant: 16,
    what: 'a user that something else made is taken for our own',
    file: 'src/restore/write-task.ts',
    from: 'if (found === null || !isSameUser(found, task)) throw error;',
    to: 'if (found === null) throw error;',
    tests: ['test/restore/execute.test.ts'],
  },
];
