//! Range requests.

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};

use crate::harness::{Call, SLICE, StoredFile, fetch, header, random_bytes, stack};

#[tokio::test]
async fn random_range_of_any_file_size_returns_matching_bytes() {
    let stack = stack().await;
    let sizes = [1, SLICE - 1, SLICE, SLICE + 1, 9_999_999, 10_000_000, 2 * SLICE + 1, 3 * SLICE + 7, 64 * 1024 * 1024];
    let files = join_all(sizes.iter().map(|size| stack.file(&stack.dev).name("fuzz.bin").size(*size).store())).await;
    let mut seed: u64 = u64::from_le_bytes(random_bytes(8).try_into().unwrap()) | 1;
    println!("seed {seed}");
    let mut draw = |below: usize| {
        // xorshift64
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
    };
    let cases: Vec<(usize, usize, usize)> = (0..5_400)
        .map(|case| {
            let file = case % files.len();
            let size = files[file].bytes.len();
            // Every second one begins within a few bytes of a slice's edge; one in fifty is long.
            let first = if draw(2) == 0 { draw(size) } else { (draw(size / SLICE + 1) * SLICE + draw(9)).saturating_sub(4).min(size - 1) };
            let most = if draw(50) == 0 { 12_000_000 } else { 20_000 };
            (file, first, (first + draw(most)).min(size - 1))
        })
        .collect();
    let ask = |(file, first, last): (usize, usize, usize)| {
        let files = &files;
        async move {
            let StoredFile { url, bytes, .. } = &files[file];
            let suffix = last + 1 == bytes.len() && first.is_multiple_of(2);
            let range = if suffix { format!("bytes=-{}", last + 1 - first) } else { format!("bytes={first}-{last}") };
            let response = stack.http.get(url).header("Range", &range).sent().await.unwrap();
            let status = response.status();
            if status != 206 {
                panic!("{range} of {}: {status} {}", bytes.len(), response.text().await.unwrap());
            }
            assert_eq!(header(&response, "content-range"), format!("bytes {first}-{last}/{}", bytes.len()));
            assert_eq!(header(&response, "content-length"), (last - first + 1).to_string());
            assert!(response.bytes().await.unwrap() == bytes[first..=last], "{range} of {}", bytes.len());
        }
    };
    stream::iter(cases).map(ask).buffer_unordered(16).collect::<Vec<()>>().await;
    for file in &files {
        assert!(fetch(stack.http.get(&file.url)).await.2.unwrap() == file.bytes, "and the whole of {}", file.bytes.len());
        let most = if file.bytes.len() < 10_000_000 { 1 } else { file.bytes.len().div_ceil(SLICE) };
        // A slice is read more than once if the isolate had no memory to buffer it.
        println!("{} bytes: {} reads of the store, {most} slices", file.bytes.len(), stack.store_reads(&file.key));
    }
}

#[tokio::test]
async fn empty_file_returns_200_with_zero_length() {
    let stack = stack().await;
    let asset = stack.asset(&stack.dev).bytes(Vec::new()).store().await;
    let url = stack.edge(&stack.dev).download_url(asset["id"].as_str().unwrap()).await.unwrap();
    let response = stack.http.get(&url).sent().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-length").as_str()), (200, "0"));
    for range in ["bytes=0-", "bytes=0-0", "bytes=-5", "bytes=7-9", "bytes=0-0,-1"] {
        let response = stack.http.get(&url).header("Range", range).sent().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "content-length").as_str()), (200, "0"), "{range}");
        assert_eq!(header(&response, "content-range"), "", "{range}");
    }
}

#[tokio::test]
async fn eleven_one_byte_ranges_in_eleven_slices_fill_no_slice() {
    let stack = stack().await;
    let file = stack.file(&stack.dev).name("scattered.bin").size(11 * SLICE).store().await;
    let ranges: Vec<String> = (0..11).map(|slice| format!("{0}-{0}", slice * SLICE + 7)).collect();
    let request = stack.http.get(&file.url).header("Range", format!("bytes={}", ranges.join(",")));
    let (status, cache, body) = fetch(request).await;
    assert_eq!((status, cache.as_str()), (206, "JettySpeed; fwd=bypass"));
    let text = body.unwrap();
    for slice in 0..11usize {
        let head = format!("Content-Range: bytes {0}-{0}/{1}\r\n\r\n", slice * SLICE + 7, 11 * SLICE).into_bytes();
        let at = text.windows(head.len()).position(|window| window == head).unwrap() + head.len();
        assert_eq!(text[at], file.bytes[slice * SLICE + 7], "slice {slice}");
    }
    let (_, cache, _) = fetch(stack.http.get(&file.url).header("Range", format!("bytes={0}-{0}", 5 * SLICE))).await;
    assert_eq!(cache, "JettySpeed; fwd=miss; stored", "the slice had not been read");
}
