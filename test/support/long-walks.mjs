/** Loaded before a program: it expects the walks of every snapshot to take long, and logs their stage. */
// By its address, so that checking types needs no build.
const { href } = new URL('../../dist/runner/session.js', import.meta.url);
const { SnapshotSession } = await import(href);

SnapshotSession.prototype.expectsLongWalks = async () => true;
