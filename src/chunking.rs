//! The chunk plan (docs/uploads.md, "The chunk plan"): file size -> chunk size, number of chunks, parallel requests.

use serde::{Deserialize, Serialize};

use crate::base::units::{GB, MB};
use crate::problem::Problem;

/// The smallest part that S3 accepts, except for the last one (Amazon S3 user guide, "Multipart upload limits").
pub const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// Maximum number of parts of one upload (same page).
pub const MAX_PARTS: u64 = 10_000;

/// Bounds of the plan that the deployment sets.
#[derive(Debug, Clone, Copy)]
pub struct PlanLimits {
    /// `MAX_PART_BYTES`: the platform's limit of a request body, bytes (Cloudflare Workers, "Limits": 100 MB on most plans).
    pub max_part_bytes: u64,
    /// `JETTYSPEED_CHUNK_SIZE_MB`: chunk size of the smallest size class, bytes.
    pub smallest_chunk: u64,
    /// `JETTYSPEED_MAX_THREADS`: maximum number of parallel requests.
    pub max_threads: u32,
}

/// A plan as clients see it (docs/api.md, "Strategy").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// Size of every part except the last, bytes.
    pub chunk_size: u64,
    /// Number of parts, 1..=10,000.
    pub chunk_count: u32,
    /// Recommended number of requests in flight.
    pub threads: u32,
}

/// Plans `file_size` (≥ 1) bytes. `namespace_chunk` is the namespace's own chunk size, bytes; it overrides that of the size class.
///
/// # Errors
/// [`Problem::FileTooLarge`] if the file exceeds 10,000 parts of the largest size.
pub fn plan(file_size: u64, namespace_chunk: Option<u64>, limits: &PlanLimits) -> Result<Strategy, Problem> {
    let most = limits.max_part_bytes.saturating_mul(MAX_PARTS);
    if file_size > most {
        return Err(Problem::FileTooLarge { limit: most, size: file_size });
    }
    let (class_chunk, threads) = if file_size < 100 * MB {
        (limits.smallest_chunk, 16)
    } else if file_size < 10 * GB {
        (50 * MB, 24)
    } else {
        (100 * MB, 32)
    };
    let chunk_size = namespace_chunk.unwrap_or(class_chunk).max(smallest_chunk(file_size)).min(limits.max_part_bytes);
    let chunk_count = u32::try_from(file_size.div_ceil(chunk_size).max(1)).unwrap_or(u32::MAX);
    Ok(Strategy { chunk_size, chunk_count, threads: threads.min(limits.max_threads) })
}

impl Strategy {
    /// The plan with smaller parts: `chunk_size` bytes each, at least [`smallest_chunk`] and at most the plan's.
    pub fn with_chunk(self, file_size: u64, chunk_size: u64) -> Strategy {
        let chunk_count = u32::try_from(file_size.div_ceil(chunk_size.max(1)).max(1)).unwrap_or(u32::MAX);
        Strategy { chunk_size, chunk_count, ..self }
    }
}

/// The smallest chunk size with which `file_size` bytes can be uploaded: what the store accepts as a part, and [`MAX_PARTS`] of which hold the file, bytes.
pub fn smallest_chunk(file_size: u64) -> u64 {
    file_size.div_ceil(MAX_PARTS).max(MIN_PART_BYTES)
}

/// Size of the parts of an upload by offset where the length allows it, bytes: a connection that dies costs at most one.
pub const APPENDED_CHUNK: u64 = 8 * MIB;

/// The largest part that is held in memory, bytes.
pub const MAX_APPENDED_CHUNK: u64 = 16 * MIB;

/// The largest upload by offset, bytes.
pub const MAX_APPENDED: u64 = MAX_APPENDED_CHUNK * MAX_PARTS;

/// Bytes of a MiB.
pub const MIB: u64 = 1 << 20;

/// Size of the parts of an upload of `length` bytes by offset: 8 MiB, or the smallest multiple of 1 MiB with which [`MAX_PARTS`] hold it.
pub fn appended_chunk(length: u64) -> u64 {
    length.div_ceil(MAX_PARTS).next_multiple_of(MIB).max(APPENDED_CHUNK)
}

/// Size of part `number`, bytes, or None if the plan has no such part.
pub fn part_len(file_size: u64, chunk_size: u64, number: u32) -> Option<u64> {
    let start = u64::from(number.checked_sub(1)?).checked_mul(chunk_size)?;
    let rest = file_size.checked_sub(start).filter(|rest| *rest > 0)?;
    Some(rest.min(chunk_size))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: PlanLimits = PlanLimits { max_part_bytes: 100 * MB, smallest_chunk: 10 * MB, max_threads: 32 };

    fn chunk_and_threads(size: u64) -> (u64, u32) {
        let strategy = plan(size, None, &LIMITS).unwrap();
        (strategy.chunk_size, strategy.threads)
    }

    #[test]
    fn file_size_selects_chunk_size_and_threads() {
        assert_eq!(chunk_and_threads(1), (10 * MB, 16));
        assert_eq!(chunk_and_threads(100 * MB - 1), (10 * MB, 16));
        assert_eq!(chunk_and_threads(100 * MB), (50 * MB, 24));
        assert_eq!(chunk_and_threads(10 * GB - 1), (50 * MB, 24));
        assert_eq!(chunk_and_threads(10 * GB), (100 * MB, 32));
        assert_eq!(plan(1000 * GB, None, &LIMITS).unwrap().chunk_count, 10_000);
        assert_eq!(plan(1000 * GB + 1, None, &LIMITS), Err(Problem::FileTooLarge { limit: 1000 * GB, size: 1000 * GB + 1 }));
    }

    #[test]
    fn namespace_chunk_size_overrides_within_store_limits() {
        assert_eq!(plan(50 * MB, Some(20 * MB), &LIMITS).unwrap().chunk_size, 20 * MB);
        assert_eq!(plan(50 * MB, Some(1), &LIMITS).unwrap().chunk_size, MIN_PART_BYTES);
        assert_eq!(plan(50 * MB, Some(GB), &LIMITS).unwrap().chunk_size, 100 * MB);
        assert_eq!(plan(100 * GB, Some(MIN_PART_BYTES), &LIMITS).unwrap().chunk_count, 10_000);
    }

    proptest! {
        #[test]
        fn parts_tile_the_file(size in 1u64..=1000 * GB, chunk in prop::option::of(1u64..200 * MB), max_part in MIN_PART_BYTES..=100 * MB) {
            let limits = PlanLimits { max_part_bytes: max_part, ..LIMITS };
            match plan(size, chunk, &limits) {
                Err(problem) => prop_assert_eq!(problem, Problem::FileTooLarge { limit: max_part * MAX_PARTS, size }),
                Ok(strategy) => {
                    prop_assert!((1..=10_000).contains(&strategy.chunk_count));
                    prop_assert!((MIN_PART_BYTES..=max_part).contains(&strategy.chunk_size));
                    let len = |n| part_len(size, strategy.chunk_size, n);
                    let last = strategy.chunk_count;
                    prop_assert_eq!(len(0), None);
                    prop_assert_eq!(len(last + 1), None);
                    let tail = len(last).unwrap();
                    prop_assert!(tail >= 1);
                    prop_assert_eq!(u64::from(last - 1) * strategy.chunk_size + tail, size);
                    if last > 1 {
                        prop_assert_eq!(len(1), Some(strategy.chunk_size));
                        prop_assert_eq!(len(last - 1), Some(strategy.chunk_size));
                    }
                }
            }
        }
    }
}
