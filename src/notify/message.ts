import type { Notification } from '../model/notification.ts';

/** The body of a webhook: the same bytes in every attempt. */
export function formatMessage({ type, occurredAt, data }: Notification): string {
  return JSON.stringify({ type, timestamp: occurredAt.toISOString(), data });
}

/** The body for an incoming webhook of Slack: plain text, in which nothing is a link, a mention or a format. */
export function formatSlackMessage({ type, occurredAt, data }: Notification): string {
  const { poolId, snapshot, reason, counts, changes, findings, head } = data;
  const lines = [
    `${type}: ${poolId}${snapshot === null ? '' : `/${snapshot}`} at ${occurredAt.toISOString()}`,
    reason,
    counts && `${counts.users} users, ${counts.groups} groups, ${counts.memberships} memberships`,
    changes &&
      `users: ${changes.added} added, ${changes.modified} modified, ${changes.removed} removed`,
    findings &&
      `findings: ${Object.entries(findings)
        .map(([code, count]) => `${count} ${code}`)
        .join(', ')}`,
    head &&
      `head of the archive: ${head.snapshot}, the newest of ${head.snapshots}; SHA-256 ${head.sha256}`,
  ];
  const text = lines.filter((line) => line !== null).join('\n');
  return JSON.stringify({ text: escapeSlack(shorten(text)), mrkdwn: false });
}

/** Slack recommends messages up to this length. */
const SLACK_MAX = 4_000;

function shorten(text: string): string {
  return text.length <= SLACK_MAX ? text : `${text.slice(0, SLACK_MAX - 1)}…`;
}

/** The three characters that begin or end a control sequence of Slack. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
