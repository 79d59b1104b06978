# Role and archive bucket of a cognito-mirror. `cognito-mirror iam-policy` prints the policy of the role:
# give its output as `policy`, so that it always fits your configuration.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = length(var.trusted_services) > 0 ? [true] : []
    content {
      # EKS Pod Identity also tags the session.
      actions = ["sts:AssumeRole", "sts:TagSession"]
      principals {
        type        = "Service"
        identifiers = var.trusted_services
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.trusted_principals) > 0 ? [true] : []
    content {
      actions = ["sts:AssumeRole"]
      principals {
        type        = "AWS"
        identifiers = var.trusted_principals
      }
      dynamic "condition" {
        # Terraform refuses a sensitive value here. It is not secret whether there is an id.
        for_each = nonsensitive(var.external_id == null) ? [] : [true]
        content {
          test     = "StringEquals"
          variable = "sts:ExternalId"
          values   = [var.external_id]
        }
      }
    }
  }
}

resource "aws_iam_role" "mirror" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.trust.json
  lifecycle {
    precondition {
      condition     = length(var.trusted_services) + length(var.trusted_principals) > 0
      error_message = "No service and no account could take the role. Set trusted_services, trusted_principals or both."
    }
  }
}

resource "aws_iam_role_policy" "mirror" {
  name   = "least"
  role   = aws_iam_role.mirror.id
  policy = var.policy
}

resource "aws_s3_bucket" "archive" {
  count               = var.bucket == null ? 0 : 1
  bucket              = var.bucket
  object_lock_enabled = var.object_lock
}

resource "aws_s3_bucket_versioning" "archive" {
  count  = length(aws_s3_bucket.archive)
  bucket = aws_s3_bucket.archive[0].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "archive" {
  count  = length(aws_s3_bucket.archive)
  bucket = aws_s3_bucket.archive[0].id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "archive" {
  count                   = length(aws_s3_bucket.archive)
  bucket                  = aws_s3_bucket.archive[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "archive" {
  count  = length(aws_s3_bucket.archive)
  bucket = aws_s3_bucket.archive[0].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# A killed run can leave an unfinished upload.
resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  count      = length(aws_s3_bucket.archive)
  bucket     = aws_s3_bucket.archive[0].id
  depends_on = [aws_s3_bucket_versioning.archive]
  rule {
    id     = "abort-unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

data "aws_iam_policy_document" "tls" {
  count = length(aws_s3_bucket.archive)
  statement {
    sid     = "DenyWithoutTls"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      aws_s3_bucket.archive[0].arn,
      "${aws_s3_bucket.archive[0].arn}/*",
    ]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "archive" {
  count      = length(aws_s3_bucket.archive)
  bucket     = aws_s3_bucket.archive[0].id
  policy     = data.aws_iam_policy_document.tls[0].json
  depends_on = [aws_s3_bucket_public_access_block.archive]
}
