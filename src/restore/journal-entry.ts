import type { RestoreFailure, RestoreTask, TargetName } from '../model/restore.ts';

/** What a line of the journal says. */
export type JournalEntry = RunEntry | BegunEntry | DoneEntry | FailedEntry;

/** A run began. The lines up to the next such line are its own. */
export interface RunEntry {
  readonly event: 'run';
  /** ISO 8601, by the clock of the machine. */
  readonly at: string;
}

/** The user is about to be created. */
export interface BegunEntry {
  readonly event: 'begun';
  /** The username of the source. */
  readonly name: string;
}

/** Names what a task is about, by the names of the source. */
export interface TaskName {
  readonly entity: RestoreTask['entity'];
  readonly action: RestoreTask['action'];
  /** The name of a group; otherwise a username. */
  readonly name: string;
  /** The group of a membership, or the provider and the id of a link. */
  readonly detail?: string;
}

/** The names of a user that the target has after the task. */
export interface UserNames {
  /** The `sub` of the source. */
  readonly sub?: string | null;
  readonly target?: TargetName;
}

/** All of a task is done. */
export interface DoneEntry extends TaskName, UserNames {
  readonly event: 'done';
}

/** A part of a task, or all of it, could not be done. */
export interface FailedEntry extends TaskName, UserNames {
  readonly event: 'failed';
  readonly reason: RestoreFailure;
  /** What happened and what to do, without personal data. */
  readonly problem: string;
}

export function nameTask(task: RestoreTask): TaskName {
  const { entity, action } = task;
  switch (entity) {
    case 'group':
      return { entity, action, name: task.groupName };
    case 'user':
      return { entity, action, name: task.username };
    case 'membership':
      return { entity, action, name: task.username, detail: task.groupName };
    case 'link':
      return { entity, action, name: task.username, detail: `${task.providerName} ${task.userId}` };
  }
}
