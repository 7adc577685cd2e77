//! One file per S3 operation, request and answer together (Amazon S3 API reference, the page of the same name).

pub mod abort_multipart_upload;
pub mod complete_multipart_upload;
pub mod create_multipart_upload;
pub mod delete_object;
pub mod get_object;
pub mod head_object;
pub mod list_multipart_uploads;
pub mod list_parts;
pub mod put_object;
pub mod upload_part;
pub mod upload_part_copy;
