use super::*;

impl Haystack for &[u8] {
    fn find(&self, needle: &str, from: usize) -> Option<usize> {
        self.get(from..)?.windows(needle.len()).position(|some| some == needle.as_bytes()).map(|at| at + from)
    }
    fn window(&self, from: usize, most: usize) -> Vec<u8> {
        self.get(from..).unwrap_or_default().iter().take(most).copied().collect()
    }
}

/// A form of one part with that disposition and the bytes `x\r\n`.
fn form(disposition: &[u8]) -> Vec<u8> {
    [b"--b\r\nContent-Disposition: ", disposition, b"\r\nContent-Type: text/plain\r\n\r\nx\r\n\r\n--b--\r\n"].concat()
}

fn name(disposition: &[u8]) -> Result<String, String> {
    let body = form(disposition);
    let found = file_of(&body.as_slice(), "b");
    if let Ok(file) = &found {
        assert_eq!(&body[file.from..file.to], b"x\r\n");
        assert_eq!(file.content_type.as_deref(), Some("text/plain"));
    }
    found.map(|file| file.name).map_err(|problem| format!("{} {}", problem.kind().status, problem.detail()))
}

#[test]
fn name_as_each_client_writes_it_is_read() {
    for (disposition, expected) in [
        (b"form-data; name=\"file\"; filename=\"a.txt\"".as_slice(), "a.txt"),
        (b"form-data; name=file; filename=a.txt", "a.txt"),
        (b"form-data; name=file; filename=a.txt; filename*=utf-8''a.txt", "a.txt"),
        (b"form-data; name=file; filename=\"=?utf-8?B?bmHDr3ZlLnR4dA==?=\"; filename*=utf-8''na%C3%AFve.txt", "na\u{ef}ve.txt"),
        (b"form-data; filename*=UTF-8'en'%e2%82%ac%20rates; name=\"file\"", "\u{20ac} rates"),
        (b"FORM-DATA;NAME=file;FileName=a b.txt", "a b.txt"),
        (b"form-data ; name = \"file\" ; filename = \"a;b=c.txt\" ;", "a;b=c.txt"),
        (b"form-data; name=\"file\"; filename=\"say \\\"hi\\\" \\\\ C:\\x\"", "say \"hi\" \\ C:\\x"),
        (b"form-data; name=\"file\"; filename=\"say %22hi%22.txt\"", "say \"hi\".txt"),
        ("form-data; name=\"file\"; filename=\"\u{65e5}\u{672c}.txt\"".as_bytes(), "\u{65e5}\u{672c}.txt"),
        ("form-data; name=file; filename=na\u{ef}ve.txt".as_bytes(), "na\u{ef}ve.txt"),
        (b"form-data; name=\"file\"; filename=\"\"", ""),
    ] {
        assert_eq!(name(disposition).as_deref(), Ok(expected), "{}", String::from_utf8_lossy(disposition));
    }
}

#[test]
fn name_that_is_not_utf8_returns_422_with_the_field() {
    for disposition in [
        b"form-data; name=\"file\"; filename=\"na\xefve.txt\"".as_slice(),
        b"form-data; name=file; filename=\x93\xfa\x96\x7b.txt",
        b"form-data; name=file; filename=a.txt; filename*=utf-8''na%EFve.txt",
        b"form-data; name=file; filename=a.txt; filename*=iso-8859-1''na%EFve.txt",
        b"form-data; name=file; filename=a.txt; filename*=a.txt",
    ] {
        assert_eq!(name(disposition), Err("422 file: its names must be UTF-8".to_owned()), "{disposition:?}");
    }
}

#[test]
fn field_without_a_file_name_or_without_a_name_returns_422() {
    assert_eq!(name(b"form-data; name=file"), Err("422 file: must be a file".to_owned()));
    assert_eq!(name(b"form-data; name=other; filename=a"), Err("422 file: is required".to_owned()));
    assert_eq!(name(b"form-data"), Err("422 file: is required".to_owned()));
}

#[test]
fn file_is_found_among_other_fields_and_boundary_like_lines() {
    let part = |head: &str, bytes: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{bytes}\r\n");
    let bytes = "\r\n--bc\r\n--b-\r\n\n--b\r\n--\r\n\0";
    for body in [
        format!("{}{}{}--b--", part("name=a", ""), part("name=file; filename=x", bytes), part("name=c", "1")),
        format!("preamble\r\n{}--b--epilogue", part("name=file; filename=x", bytes)),
        format!("--b \t\r\ncontent-disposition: form-data; name=file; filename=x\r\n\r\n{bytes}\r\n--b--\r\n"),
    ] {
        let file = file_of(&body.as_bytes(), "b").unwrap();
        assert_eq!((file.name.as_str(), &body[file.from..file.to]), ("x", bytes));
    }
    let empty = part("name=file; filename=x", "") + "--b--";
    assert!(file_of(&empty.as_bytes(), "b").is_ok_and(|file| file.from == file.to));
}

#[test]
fn two_files_or_an_encoded_one_are_refused() {
    let part = |head: &str| format!("--b\r\nContent-Disposition: form-data; name=file; filename=x{head}\r\n\r\n1\r\n");
    let status = |body: String| file_of(&(body + "--b--").as_bytes(), "b").map_err(|problem| problem.kind().status).map(|file| file.name);
    assert_eq!(status(part("") + &part("")), Err(422));
    assert_eq!(status(part("\r\nContent-Encoding: gzip")), Err(415));
    assert_eq!(status(part("\r\nContent-Encoding: identity")), Ok("x".to_owned()));
    assert_eq!(status(part("\r\nContent-Transfer-Encoding: base64")), Err(422));
    assert_eq!(status(part("\r\nContent-Transfer-Encoding: Binary")), Ok("x".to_owned()));
}

#[test]
fn body_that_is_no_form_returns_400() {
    let many = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(200) + "--b--";
    let long = format!("--b\r\nContent-Disposition: form-data; name=a{}\r\n\r\n\r\n--b--", " ".repeat(MAX_HEAD));
    let like = format!("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n{}\r\n--b--", "\r\n--bx".repeat(5_000));
    let cut = "--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nxyz\r\n--";
    for body in [
        "",
        "x",
        "--b",
        "--bx",
        "--b\r\n",
        "--b\r\n\r\n--b--",
        "--b\r\na: b\r\n\r\nx\r\n--b--",
        "--b\r\n:\r\n\r\nx\r\n--b--",
        cut,
        &many,
        &long,
        &like,
    ] {
        let found = file_of(&body.as_bytes(), "b").map_err(|problem| problem.kind().status);
        assert_eq!(found, Err(400), "{}", body.chars().take(60).collect::<String>());
    }
}

#[test]
fn boundary_is_read_quoted_and_bare_and_its_absence_is_400() {
    for (content_type, expected) in [
        ("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", "----WebKitFormBoundary7MA4YWxkTrZu0gW"),
        ("multipart/form-data; boundary=\"3e2d0a1c-a'()+_,./:=? b\"", "3e2d0a1c-a'()+_,./:=? b"),
        ("Multipart/Form-Data;charset=utf-8;BOUNDARY=a/b=c", "a/b=c"),
    ] {
        assert_eq!(boundary(Some(content_type)).as_deref(), Ok(expected));
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for content_type in
        [None, Some("multipart/form-data"), Some("multipart/form-data; boundary="), Some("multipart/form-data; boundary=\u{e4}"), Some(&long)]
    {
        assert_eq!(boundary(content_type).map_err(|problem| problem.kind().status), Err(400), "{content_type:?}");
    }
}
