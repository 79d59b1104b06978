/** Loaded before a program: it expects the walks of every snapshot to take long, and logs their stage. */
import { SnapshotSession } from '../../dist/runner/session.js';

SnapshotSession.prototype.expectsLongWalks = async () => true;
