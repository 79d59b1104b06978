/** The public API: all that programs may import from `cognito-mirror`. docs/API.md shows its use. */
export type { Account, AccountPool } from './app/account-pools.ts';
export type { CallOptions } from './app/calls.ts';
export type { CheckedSetting } from './app/check-settings.ts';
export type { CompletionRequest } from './app/complete.ts';
export { createMirror, syncPool } from './app/create-mirror.ts';
export { archiveDdl } from './app/ddl.ts';
export { type ExamineOptions, examine } from './app/examine.ts';
export type { AtOptions, HistoryQuestions, ReviewOptions } from './app/history-questions.ts';
export type { Policy, PolicyRequest, PolicyStatement } from './app/iam-policy.ts';
export { loadOptions, variableNames } from './app/load.ts';
export type { MirrorLogger } from './app/logger.ts';
export type {
  AgeCheck,
  ForgetOptions,
  Mirror,
  PruneOptions,
  QueryColumn,
  StatusOptions,
  SyncOptions,
  SyncPoolsOptions,
} from './app/mirror.ts';
export { openArchive } from './app/open-archive.ts';
export type {
  AccountQuotaOptions,
  LoadedOptions,
  MirrorOptions,
  PoolOptions,
  QuotaOptions,
} from './app/options.ts';
export type { Plans } from './app/plan.ts';
export type { PruneOutcome } from './app/prune.ts';
export { type CheckedReceipt, checkReceipt } from './app/receipt.ts';
export { renderReport } from './app/render-report.ts';
export type { ReportOptions } from './app/report.ts';
export type { RestoreOptions, RestoreResult, RestoreRun } from './app/restore.ts';
export type { RestoreRequest, RestoreSelection } from './app/restore-request.ts';
export type { DdlRequest } from './app/run-ddl.ts';
export type { VerifyRequest } from './app/run-verify.ts';
export type { WorkerOptions } from './app/run-worker.ts';
export type { DashboardOptions } from './app/serve-dashboard.ts';
export { checkSetting, completeWords, iamPolicy, readAccount } from './app/setup.ts';
export { createSigningKey, type NewSigningKey } from './app/signing-key.ts';
export { verifyArchives } from './app/verify.ts';
export type { AwsAccess, Credentials, Endpoints } from './aws/access.ts';
export type { Listing, ListingPage } from './cognito/listing.ts';
export { DESCRIPTION, type LogLevel, VERSION } from './config/config.ts';
export type { KeepKind, KeepRule } from './config/keep-rule.ts';
export { DDL_DIALECTS, type DdlDialect } from './ddl/dialects.ts';
export type { Check, CheckState, Examination } from './doctor/check.ts';
export type { DoctorOptions } from './doctor/run-doctor.ts';
export type { PlanOutcome, PoolPlan } from './estimate/plan-pools.ts';
export type {
  At,
  GroupAccess,
  Member,
  UseMembers,
  UserAccess,
  UsersAccess,
} from './history/access.ts';
export type {
  Change,
  ChangeKind,
  FieldChange,
  FieldSelection,
  FieldValue,
  GroupChange,
  SettingChange,
  UserChange,
} from './history/changes.ts';
export {
  type Compared,
  DIFF_FILTERS,
  type Diff,
  type DiffFilter,
  type DiffQuestion,
  type DiffSummary,
  type UseChanges,
} from './history/diff.ts';
export type { EffectiveRole } from './history/effective-role.ts';
export type { ReviewReceipt } from './history/parse-receipt.ts';
export type { HistoryOfUsers, UserHistory, UserVersion } from './history/profiles.ts';
export { formatReceipt } from './history/receipt.ts';
export type {
  Review,
  ReviewSummary,
  Revocation,
  UseReview,
  UseRevocations,
} from './history/review.ts';
export {
  parseReviewFields,
  REVIEW_FIELDS,
  ReviewDigest,
  type ReviewFields,
  type ReviewKey,
  type ReviewRow,
  toReviewFields,
} from './history/review-rows.ts';
export {
  ActionRequiredError,
  type ErrorCode,
  InterruptedError,
  LeaseLostError,
  MirrorError,
  NoMirrorError,
  type Problem,
  ResumableError,
  SnapshotFailedError,
} from './model/errors.ts';
export type {
  GroupOfUser,
  GroupThen,
  KnownHead,
  LinkedProfile,
  MembershipPeriod,
  MembershipThen,
  NamedMembership,
  Period,
  Profile,
  UserThen,
} from './model/history.ts';
export { isPoolId, poolIdProblem } from './model/pool-id.ts';
export {
  LOSS_REASONS,
  type Loss,
  type LossReason,
  RESTORE_ENTITIES,
  RESTORE_PASSWORDS,
  type RestoreEntity,
  type RestoreFailure,
  type RestorePassword,
  type RestoreTask,
} from './model/restore.ts';
export {
  type ArchiveHead,
  DEFAULT_MAX_AGE_HOURS,
  type Outcome,
  parseSnapshotId,
  type SnapshotState,
  snapshotId,
  WALK_KINDS,
  type WalkKind,
} from './model/snapshot.ts';
export type { DeliveryRow } from './postgres/coordination/outbox.ts';
export type { VerificationRow } from './postgres/coordination/verifications.ts';
export type { Database } from './postgres/database.ts';
export type { TextRow } from './postgres/read-only.ts';
export type { WaitingErasures, WaitingObject } from './postgres/store/erasures.ts';
export type { ScrubbedTable } from './postgres/store/scrub-tables.ts';
export type { ReportQuestion } from './report/gather.ts';
export type {
  ArchiveCheck,
  Judgement,
  Report,
  ReportedState,
  RoleGroup,
  RoleOfState,
  Verdict,
} from './report/report.ts';
export type { QuotaUse } from './restore/calls.ts';
export type { ImportCsvSummary } from './restore/import-csv.ts';
export type { LossCount, PlannedCounts, RestoreNames, RestorePlan } from './restore/plan.ts';
export type { EntityCounts, RestorePhase, RestoreProgress } from './restore/progress.ts';
export type { RecoveryAdvice } from './restore/recovery-advice.ts';
export type { ResultFiles } from './restore/results.ts';
export { RESTORE_KINDS, type RestoreKind } from './restore/selection.ts';
export type { KeepReason } from './retention/keep.ts';
export type { PoolPruning, PrunedSnapshot } from './retention/prune-archive.ts';
export type { Forgotten, ForgottenSnapshot } from './runner/forget.ts';
export type { PoolOutcome } from './runner/inline/sync.ts';
export type { PoolAge } from './runner/mirror-age.ts';
export type { SnapshotReport } from './runner/outcome.ts';
export type { SnapshotStatus } from './runner/snapshot-status.ts';
export type { AttemptStatus, PoolStatus, RequestStatus, Status } from './runner/status.ts';
export type { Triggered } from './runner/trigger.ts';
export type { WalkingStatus, WalkStatus } from './runner/walking-status.ts';
export type { Phase, SnapshotProgress, WalkTally } from './telemetry/snapshot-progress.ts';
export {
  type ArchiveFindings,
  FINDING_CODES,
  type Finding,
  type FindingCode,
  type PoolVerification,
  type SigningKey,
  type Verification,
} from './verify/findings.ts';
export type { VerifyProgress } from './verify/verify-pool.ts';
