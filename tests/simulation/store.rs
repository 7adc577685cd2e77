//! The store: objects and multipart uploads with S3 semantics. It verifies the hashes that are sent with bodies.

use std::collections::BTreeMap;

use jettyspeed_edge::base::time::EpochMs;
use jettyspeed_edge::s3::error::StoreError;
use jettyspeed_edge::s3::operations::head_object::Description;
use jettyspeed_edge::s3::operations::list_multipart_uploads::ListedUpload;
use jettyspeed_edge::s3::operations::list_parts::ListedPart;

/// A multipart upload in progress.
#[derive(Debug)]
pub struct Upload {
    key: String,
    initiated: EpochMs,
    parts: BTreeMap<u16, Vec<u8>>,
}

/// Objects and multipart uploads.
#[derive(Debug, Default)]
pub struct Store {
    /// Multipart uploads by upload id.
    pub uploads: BTreeMap<String, Upload>,
    /// Objects by key.
    pub objects: BTreeMap<String, Vec<u8>>,
    created: u32,
}

/// Equal bytes have equal ETags, like S3's MD5 ETags.
pub fn etag(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn refused(status: u16, code: &str) -> StoreError {
    StoreError { status, code: code.to_owned(), message: String::new() }
}

impl Store {
    pub fn create(&mut self, key: &str, now: EpochMs) -> String {
        self.created += 1;
        let id = format!("up{}", self.created);
        self.uploads.insert(id.clone(), Upload { key: key.to_owned(), initiated: now, parts: BTreeMap::new() });
        id
    }

    fn upload(&mut self, upload_id: &str) -> Result<&mut Upload, StoreError> {
        self.uploads.get_mut(upload_id).ok_or_else(|| refused(404, "NoSuchUpload"))
    }

    pub fn put_part(&mut self, upload_id: &str, number: u16, bytes: &[u8]) -> Result<String, StoreError> {
        self.upload(upload_id)?.parts.insert(number, bytes.to_vec());
        Ok(etag(bytes))
    }

    /// Copies bytes `first..=last` of an object into a part (UploadPartCopy).
    pub fn copy_part(&mut self, upload_id: &str, number: u16, source: &str, first: u64, last: u64) -> Result<String, StoreError> {
        let object = self.get(source)?;
        let bytes = object.get(first as usize..=last as usize).ok_or_else(|| refused(416, "InvalidRange"))?.to_vec();
        self.put_part(upload_id, number, &bytes)
    }

    pub fn list_parts(&mut self, upload_id: &str) -> Result<Vec<ListedPart>, StoreError> {
        let listed = |(number, bytes): (&u16, &Vec<u8>)| ListedPart { part_number: *number, etag: etag(bytes), size: bytes.len() as u64 };
        self.upload(upload_id).map(|upload| upload.parts.iter().map(listed).collect())
    }

    pub fn complete(&mut self, upload_id: &str, list: &[(u16, String)]) -> Result<(), StoreError> {
        let upload = self.upload(upload_id)?;
        let part = |(number, wanted): &(u16, String)| upload.parts.get(number).filter(|bytes| etag(bytes) == *wanted);
        let bytes = list.iter().map(|named| part(named).cloned()).collect::<Option<Vec<_>>>().ok_or_else(|| refused(400, "InvalidPart"))?;
        let key = upload.key.clone();
        self.uploads.remove(upload_id);
        self.objects.insert(key, bytes.concat());
        Ok(())
    }

    pub fn abort(&mut self, upload_id: &str) -> Result<(), StoreError> {
        self.uploads.remove(upload_id).map(|_| ()).ok_or_else(|| refused(404, "NoSuchUpload"))
    }

    pub fn list_uploads(&self) -> Vec<ListedUpload> {
        let listed =
            |(id, upload): (&String, &Upload)| ListedUpload { key: upload.key.clone(), upload_id: id.clone(), initiated: upload.initiated.rfc3339() };
        self.uploads.iter().map(listed).collect()
    }

    pub fn put(&mut self, key: &str, bytes: &[u8]) {
        self.objects.insert(key.to_owned(), bytes.to_vec());
    }

    pub fn head(&self, key: &str) -> Option<Description> {
        self.objects.get(key).map(|bytes| Description { size: Some(bytes.len() as u64), etag: Some(etag(bytes)), weak: false })
    }

    pub fn get(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        self.objects.get(key).cloned().ok_or_else(|| refused(404, "NoSuchKey"))
    }

    pub fn delete(&mut self, key: &str) {
        self.objects.remove(key);
    }
}
