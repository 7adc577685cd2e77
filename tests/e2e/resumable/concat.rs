//! Concatenation of partial uploads.

use jettyspeed_devstack::state::AccountAccess;
use reqwest::{RequestBuilder, Response};

use super::{PART, assert_stored, created, head, patch, path_of, tus};
use crate::harness::{Call, FILES, Stack, header, random_bytes, stack, unique};

async fn partial(stack: &Stack, account: &AccountAccess, bytes: &[u8], sent: usize) -> String {
    let request = tus(stack, account, "POST", "/tus").header("Upload-Length", bytes.len()).header("Upload-Concat", "partial");
    let path = path_of(&request.sent().await.unwrap());
    assert_eq!(patch(stack, account, &path, 0, &bytes[..sent]).sent().await.unwrap().status(), 204);
    path
}

fn whole(stack: &Stack, account: &AccountAccess, paths: &[String]) -> RequestBuilder {
    // One path and the others as URLs, as clients send both.
    let urls: Vec<String> = paths.iter().enumerate().map(|(n, path)| if n == 0 { path.clone() } else { format!("{}{path}", stack.url) }).collect();
    // "a.bin".
    tus(stack, account, "POST", "/tus").header("Upload-Concat", format!("final;{}", urls.join(" "))).header("Upload-Metadata", "filename YS5iaW4=")
}

async fn file_of(stack: &Stack, account: &AccountAccess, response: &Response) -> String {
    let path = path_of(response);
    let response = tus(stack, account, "HEAD", &path).sent().await.unwrap();
    assert!(header(&response, "upload-concat").starts_with("final;/tus/"));
    assert_eq!(header(&response, "upload-offset"), header(&response, "upload-length"));
    header(&response, "jetty-file-id")
}

#[tokio::test]
async fn partial_uploads_of_any_length_become_one_file_and_leave_nothing_behind() {
    let stack = stack().await;
    let user = unique("concat");
    let account = stack.account(&user).tier("enterprise").create().await;
    let mut stored = 0;
    for sizes in [&[PART + 1_000_123, 6_000_001, 700_000] as &[usize], &[1_000, 1, 999, 2_000], &[2 * PART, PART], &[3_000_000]] {
        let pieces: Vec<Vec<u8>> = sizes.iter().map(|size| random_bytes(*size)).collect();
        let mut paths = Vec::new();
        for piece in &pieces {
            paths.push(partial(stack, &account, piece, piece.len()).await);
        }
        let response = tus(stack, &account, "HEAD", &paths[0]).sent().await.unwrap();
        assert_eq!([header(&response, "upload-concat"), header(&response, "jetty-file-id")], ["partial", ""]);
        let response = whole(stack, &account, &paths).sent().await.unwrap();
        let file = file_of(stack, &account, &response).await;
        assert_stored(stack, &account, &file, &pieces.concat()).await;
        assert_eq!(stack.get(&account, &format!("{FILES}/{file}")).await.1["asset"]["name"], "a.bin");
        let again = whole(stack, &account, &paths).sent().await.unwrap();
        assert_eq!(header(&again, "location"), header(&response, "location"), "as after a lost answer");
        assert_eq!(head(stack, &account, &paths[0]).await.0, 410);
        assert_eq!(patch(stack, &account, &path_of(&response), 0, b"x").sent().await.unwrap().status(), 403);
        stored += pieces.concat().len() as u64;
    }
    assert_eq!(stack.used_and_reserved(&account).await, (stored, 0));
    let (objects, uploads) = stack.bucket.objects_and_uploads_of(&user).await;
    assert_eq!((objects.len(), uploads.len()), (4, 0), "{objects:?}");
}

#[tokio::test]
async fn final_upload_that_is_asked_for_twice_at_once_is_one_file() {
    let stack = stack().await;
    let account = stack.account(&unique("concat")).tier("enterprise").create().await;
    let pieces = [random_bytes(PART - 5), random_bytes(PART + 5)];
    let paths = [partial(stack, &account, &pieces[0], PART - 5).await, partial(stack, &account, &pieces[1], PART + 5).await];
    let ask = || async {
        for _ in 0..20 {
            let response = whole(stack, &account, &paths).sent().await.unwrap();
            if response.status() == 201 {
                return response;
            }
            // As the clients do it.
            assert!(matches!(response.status().as_u16(), 409 | 423 | 503), "{}", response.status());
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        panic!("no answer");
    };
    let (one, other) = tokio::join!(ask(), ask());
    assert_eq!(header(&one, "location"), header(&other, "location"));
    assert_stored(stack, &account, &file_of(stack, &account, &one).await, &pieces.concat()).await;
    let (_, listed) = stack.get(&account, FILES).await;
    assert_eq!(listed["files"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[tokio::test]
async fn uploads_that_can_not_be_concatenated_are_refused_and_stay_as_they_are() {
    let stack = stack().await;
    let account = stack.account(&unique("concat")).tier("enterprise").create().await;
    let other = stack.account(&unique("concat")).tier("enterprise").create().await;
    let bytes = random_bytes(1_000);
    let complete = partial(stack, &account, &bytes, 1_000).await;
    let begun = partial(stack, &account, &bytes, 900).await;
    let ordinary = created(stack, &account, 1_000).await;
    let foreign = partial(stack, &other, &bytes, 1_000).await;
    let unknown = "/tus/00000000000000000000000000000000".to_owned();
    for (second, expected) in [(&begun, 400), (&ordinary, 400), (&foreign, 404), (&unknown, 404)] {
        let (status, problem) = whole(stack, &account, &[complete.clone(), second.clone()]).answer().await;
        assert_eq!(status, expected, "{problem}");
    }
    let (status, problem) = whole(stack, &account, &vec![complete.clone(); 65]).answer().await;
    assert_eq!((status, &problem["field"]), (400, &"Upload-Concat".into()), "{problem}");
    assert_eq!(head(stack, &account, &complete).await, (200, "1000".to_owned()));
    assert_eq!(head(stack, &account, &begun).await, (200, "900".to_owned()));
    let (_, listed) = stack.get(&account, FILES).await;
    assert_eq!(listed["files"].as_array().map(Vec::len), Some(0), "{listed}");
}
