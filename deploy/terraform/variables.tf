variable "name" {
  description = "The name of the role."
  type        = string
  default     = "cognito-mirror"
}

variable "policy" {
  description = "The policy of the role, as `cognito-mirror iam-policy` prints it."
  type        = string
}

variable "trusted_services" {
  description = "Services that may take the role, such as ecs-tasks.amazonaws.com, ec2.amazonaws.com or pods.eks.amazonaws.com."
  type        = list(string)
  default     = []
}

variable "trusted_principals" {
  description = "ARNs of roles or accounts that may take the role: for pools in another account, the role of the mirror."
  type        = list(string)
  default     = []
}

variable "external_id" {
  description = "The external id that trusted_principals have to give."
  type        = string
  default     = null
  sensitive   = true
}

variable "bucket" {
  description = "The name of the archive's bucket. Null: no bucket, as for the role of another account."
  type        = string
  default     = null
}

variable "object_lock" {
  description = "True for a bucket in which objects can be locked (ARCHIVE_LOCK_MODE). It cannot be turned off later."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "The KMS key that encrypts the bucket. Null: S3's own keys."
  type        = string
  default     = null
}
