//! What readers decode of each entry of a list of indices (lance-table `format/index.rs`).

use roaring::RoaringBitmap;

use super::proto::lance::table::IndexMetadata;

/// The uuid of an index.
///
/// # Errors
/// A clause without a subject that says why readers refuse it.
pub fn uuid(index: &IndexMetadata) -> Result<[u8; 16], String> {
    let Some(uuid) = &index.uuid else {
        return Err("has no uuid".to_string());
    };
    <[u8; 16]>::try_from(uuid.uuid.as_ref())
        .map_err(|_| format!("has a uuid of {} bytes", uuid.uuid.len()))
}

/// The fragments that an index covers; `None` when it does not tell.
///
/// # Errors
/// A clause without a subject that says why readers refuse it.
pub fn fragments(index: &IndexMetadata) -> Result<Option<RoaringBitmap>, String> {
    if index.fragment_bitmap.is_empty() {
        return Ok(None);
    }
    RoaringBitmap::deserialize_from(index.fragment_bitmap.as_ref())
        .map(Some)
        .map_err(|error| format!("has a bitmap of fragments that does not decode ({error})"))
}
