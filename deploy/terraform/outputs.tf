output "role_arn" {
  description = "The role for the task, the instance or the pod; in another account, `role.arn` in the file of MIRROR_CONFIG."
  value       = aws_iam_role.mirror.arn
}

output "archive_url" {
  description = "ARCHIVE_URL for an archive that has the whole bucket."
  value       = var.bucket == null ? null : "s3://${var.bucket}"
}
